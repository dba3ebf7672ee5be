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

/// Pages of memory straight from the system, for what the Java runtime does not offer: huge pages
/// and executable code. Linux on 64 bits.
final class NativeMemory {
  private static final int READ = 1;
  private static final int WRITE = 2;
  private static final int EXECUTE = 4;
  private static final int PRIVATE_ANONYMOUS = 0x22;
  private static final int MADV_HUGEPAGE = 14;
  private static final long HUGE_PAGE = 2L << 20;

  private static final MethodHandle MMAP =
      function(
          "mmap",
          FunctionDescriptor.of(
              JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
  private static final MethodHandle MPROTECT =
      function("mprotect", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT));
  private static final MethodHandle MADVISE =
      function("madvise", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT));
  private static final MethodHandle MUNMAP =
      function("munmap", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG));

  private static final MemoryLayout ERRNO = Linker.Option.captureStateLayout();

  private NativeMemory() {}

  /// Zeroed memory in huge pages where the system has them, which lives until `arena` closes.
  static MemorySegment hugePages(long bytes, Arena arena) {
    var mapped = bytes + HUGE_PAGE; // room to start on a huge page
    var address = map(mapped);
    var start = (address + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    try (var scratch = Arena.ofConfined()) {
      // Only a wish: without huge pages the memory is as good, only slower. So no check.
      var _ = (int) MADVISE.invokeExact(scratch.allocate(ERRNO), start, bytes, MADV_HUGEPAGE);
    } catch (Throwable e) {
      throw new IllegalStateException("madvise", e);
    }
    return MemorySegment.ofAddress(start).reinterpret(bytes, arena, _ -> unmap(address, mapped));
  }

  /// A copy of `code` that can be executed and no longer be written, until `arena` closes.
  static MemorySegment code(byte[] code, Arena arena) {
    var address = map(code.length);
    var memory =
        MemorySegment.ofAddress(address)
            .reinterpret(code.length, arena, _ -> unmap(address, code.length));
    MemorySegment.copy(code, 0, memory, JAVA_BYTE, 0, code.length);
    try (var scratch = Arena.ofConfined()) {
      var errno = scratch.allocate(ERRNO);
      if ((int) MPROTECT.invokeExact(errno, address, (long) code.length, READ | EXECUTE) != 0) {
        throw new IllegalStateException(
            "the system does not let us execute generated code (errno %d); --kernels java does without"
                .formatted(errno.get(JAVA_INT, 0)));
      }
    } catch (RuntimeException e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("mprotect", e);
    }
    return memory.asReadOnly();
  }

  private static long map(long bytes) {
    try (var scratch = Arena.ofConfined()) {
      var errno = scratch.allocate(ERRNO);
      var address =
          (long) MMAP.invokeExact(errno, 0L, bytes, READ | WRITE, PRIVATE_ANONYMOUS, -1, 0L);
      if (address == -1) {
        throw new OutOfMemoryError(
            "%d bytes of memory wanted from the system (errno %d)"
                .formatted(bytes, errno.get(JAVA_INT, 0)));
      }
      return address;
    } catch (Error | RuntimeException e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("mmap", e);
    }
  }

  private static void unmap(long address, long bytes) {
    try (var scratch = Arena.ofConfined()) {
      var errno = scratch.allocate(ERRNO);
      if ((int) MUNMAP.invokeExact(errno, address, bytes) != 0) {
        throw new IllegalStateException("munmap: errno " + errno.get(JAVA_INT, 0));
      }
    } catch (RuntimeException e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("munmap", e);
    }
  }

  private static MethodHandle function(String name, FunctionDescriptor type) {
    var linker = Linker.nativeLinker();
    var address = linker.defaultLookup().findOrThrow(name);
    return linker.downcallHandle(address, type, Linker.Option.captureCallState("errno"));
  }
}
