package io.dejavu.backend.cpu;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/// Zeroed memory for packed weights, in pages of 2 MiB where Linux grants them: weights are read
/// once per step from end to end, and with pages of 4 KiB address translation costs a tenth of the
/// memory's bandwidth.
final class Pages implements AutoCloseable {
  private static final long HUGE = 2L << 20;
  private static final int MADV_HUGEPAGE = 14;

  private final Arena arena;
  private final long address;
  private final long bytes;

  private Pages(Arena arena, long address, long bytes) {
    this.arena = arena;
    this.address = address;
    this.bytes = bytes;
  }

  /// At least `bytes` bytes, aligned to a page.
  static Pages allocate(long bytes) {
    var arena = Arena.ofShared();
    if (bytes >= HUGE && Linux.AVAILABLE) {
      return Linux.map(arena, Math.ceilDiv(bytes, HUGE) * HUGE);
    }
    return new Pages(arena, arena.allocate(bytes, 4096).address(), bytes);
  }

  long address() {
    return address;
  }

  long bytes() {
    return bytes;
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }

  /// The system's calls. Java's own allocation writes zeros to the memory before anybody can ask
  /// for large pages.
  @SuppressWarnings("restricted")
  private static final class Linux {
    static final boolean AVAILABLE = System.getProperty("os.name").equals("Linux");

    private static final int PROT_READ_WRITE = 3;
    private static final int MAP_PRIVATE_ANONYMOUS = 0x22;
    private static final MethodHandle MMAP =
        function(
            "mmap",
            FunctionDescriptor.of(
                ADDRESS, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
    private static final MethodHandle MUNMAP =
        function("munmap", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG));
    private static final MethodHandle MADVISE =
        function("madvise", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));

    static Pages map(Arena arena, long bytes) {
      // One huge page more than needed, to begin at the border of one.
      var length = bytes + HUGE;
      try {
        var mapped =
            (MemorySegment)
                MMAP.invokeExact(
                    MemorySegment.NULL, length, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0L);
        if (mapped.address() == -1) {
          throw new OutOfMemoryError("the system has no %d bytes for weights".formatted(length));
        }
        // Bound to the arena, which unmaps it on close.
        var owned = mapped.reinterpret(length, arena, segment -> unmap(segment, length));
        var start = Math.ceilDiv(owned.address(), HUGE) * HUGE;
        // Advice: where it is refused, small pages serve as well.
        int _ = (int) MADVISE.invokeExact(MemorySegment.ofAddress(start), bytes, MADV_HUGEPAGE);
        return new Pages(arena, start, bytes);
      } catch (RuntimeException | Error e) {
        throw e;
      } catch (Throwable e) {
        throw new IllegalStateException(e);
      }
    }

    private static void unmap(MemorySegment segment, long length) {
      try {
        int _ = (int) MUNMAP.invokeExact(segment, length);
      } catch (RuntimeException | Error e) {
        throw e;
      } catch (Throwable e) {
        throw new IllegalStateException(e);
      }
    }

    private static MethodHandle function(String name, FunctionDescriptor type) {
      var linker = Linker.nativeLinker();
      return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), type);
    }
  }
}
