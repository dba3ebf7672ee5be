package io.dejavu.backend.cpu;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import io.dejavu.tensor.HostDevice;
import io.dejavu.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/// This process's memory by address. Kernels check the shapes of whole tensors first and then read
/// and write through the one constant segment, of which the compiler knows all that there is to
/// know: no owner to ask, no bounds to look up, no second kind of memory.
@SuppressWarnings("restricted")
final class Memory {
  @SuppressWarnings("restricted")
  static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

  private Memory() {}

  /// Address of the first element.
  static long address(Tensor tensor) {
    return HostDevice.segment(tensor.buffer()).address() + tensor.offset();
  }

  /// Bytes from one row of 32-bit elements to the next.
  static long stride(Tensor tensor) {
    return 4L * tensor.stride();
  }

  static void copy(long from, long to, long bytes) {
    MemorySegment.copy(ALL, from, ALL, to, bytes);
  }

  static float real(long address) {
    return ALL.get(JAVA_FLOAT_UNALIGNED, address);
  }

  static void set(long address, float value) {
    ALL.set(JAVA_FLOAT_UNALIGNED, address, value);
  }

  static double wide(long address) {
    return ALL.get(JAVA_DOUBLE_UNALIGNED, address);
  }

  static void set(long address, double value) {
    ALL.set(JAVA_DOUBLE_UNALIGNED, address, value);
  }

  static int integer(long address) {
    return ALL.get(JAVA_INT_UNALIGNED, address);
  }

  static void set(long address, int value) {
    ALL.set(JAVA_INT_UNALIGNED, address, value);
  }
}
