package io.dejavu.backend.cpu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;

/// Machine code in memory of its own: written first, then made executable and read-only, so that no
/// page is ever both writable and executable. Freed on close. Linux on 64 bits.
@SuppressWarnings("restricted") // its whole purpose
final class CodeMemory implements AutoCloseable {
  private static final int READ = 1;
  private static final int WRITE = 2;
  private static final int EXECUTE = 4;
  private static final int PRIVATE_ANONYMOUS = 0x22;

  private static final MethodHandle MMAP =
      function(
          "mmap",
          FunctionDescriptor.of(
              JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
  private static final MethodHandle MPROTECT =
      function("mprotect", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT));
  private static final MethodHandle MUNMAP =
      function("munmap", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG));

  private static final MemoryLayout STATE = Linker.Option.captureStateLayout();
  private static final VarHandle ERRNO =
      STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));

  private static final MethodHandle CALL =
      Linker.nativeLinker()
          .downcallHandle(
              FunctionDescriptor.ofVoid(
                  JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG));

  private final Arena arena = Arena.ofShared();

  /// A copy of `code` that can be executed, until this is closed.
  ///
  /// @throws UnsupportedOperationException if the system does not allow it
  MemorySegment add(byte[] code) {
    try (var scratch = Arena.ofConfined()) {
      var state = scratch.allocate(STATE);
      var length = (long) code.length;
      var address =
          (long) MMAP.invokeExact(state, 0L, length, READ | WRITE, PRIVATE_ANONYMOUS, -1, 0L);
      if (address == -1) {
        throw new IllegalStateException("no memory for code" + errno(state));
      }
      var memory =
          MemorySegment.ofAddress(address).reinterpret(length, arena, _ -> unmap(address, length));
      MemorySegment.copy(code, 0, memory, JAVA_BYTE, 0, code.length);
      if ((int) MPROTECT.invokeExact(state, address, length, READ | EXECUTE) != 0) {
        throw new UnsupportedOperationException(
            "the system does not let us execute code written at run time%s; kernels 'java' need none"
                .formatted(errno(state)));
      }
      return memory.asReadOnly();
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /// Calls code as a function of six integers.
  static void call(MemorySegment function, long a, long b, long c, long d, long e, long f) {
    try {
      CALL.invokeExact(function, a, b, c, d, e, f);
    } catch (RuntimeException | Error error) {
      throw error;
    } catch (Throwable impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  private static void unmap(long address, long length) {
    try (var scratch = Arena.ofConfined()) {
      var state = scratch.allocate(STATE);
      if ((int) MUNMAP.invokeExact(state, address, length) != 0) {
        throw new IllegalStateException("code is not given back" + errno(state));
      }
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  private static String errno(MemorySegment state) {
    return " (error %d)".formatted((int) ERRNO.get(state, 0L));
  }

  private static MethodHandle function(String name, FunctionDescriptor type) {
    var linker = Linker.nativeLinker();
    return linker.downcallHandle(
        linker.defaultLookup().findOrThrow(name), type, Linker.Option.captureCallState("errno"));
  }

  @Override
  public void close() {
    arena.close();
  }
}
