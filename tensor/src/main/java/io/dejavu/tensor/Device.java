package io.dejavu.tensor;

import java.lang.foreign.MemorySegment;

/// Memory that one backend's {@link Kernels} compute in, and the way in and out of it.
///
/// Not thread-safe: one thread drives a device and its kernels.
public interface Device extends AutoCloseable {
  /// A name for logs, such as `cpu` or `cuda:0`.
  String name();

  /// New memory, zeroed and aligned to at least 64 bytes.
  ///
  /// @throws IllegalArgumentException if `bytes` is negative
  Buffer allocate(long bytes);

  /// Copies all of `source` to `target` at byte `offset`, before any kernel enqueued later.
  ///
  /// @throws IndexOutOfBoundsException if it does not fit
  void upload(MemorySegment source, Buffer target, long offset);

  /// Copies `target.byteSize()` bytes of `source` from byte `offset`, after every kernel enqueued
  /// earlier; waits for them.
  ///
  /// @throws IndexOutOfBoundsException if the range is not inside `source`
  void download(Buffer source, long offset, MemorySegment target);

  /// Copies `source` to many places of `target`, in their order, before any kernel enqueued later.
  /// A device to which each copy is dear copies once and lets a kernel spread the bytes.
  ///
  /// @param source of as many bytes as the fragments
  /// @throws IndexOutOfBoundsException if it does not fit; some of it may have been copied
  default void upload(MemorySegment source, Buffer target, Fragments fragments) {
    long done = 0;
    for (int r = 0; r < fragments.repeats(); r++) {
      for (int i = 0; i < fragments.offsets().length; i++) {
        long length = fragments.lengths()[i];
        long offset = fragments.offsets()[i] + r * fragments.stride();
        upload(source.asSlice(done, length), target, offset);
        done += length;
      }
    }
  }

  /// Copies many places of `source`, in their order, after every kernel enqueued earlier; waits for
  /// them. A device to which each copy is dear lets a kernel collect the bytes and copies once.
  ///
  /// @param target of as many bytes as the fragments
  /// @throws IndexOutOfBoundsException if a place is not inside `source`
  default void download(Buffer source, Fragments fragments, MemorySegment target) {
    long done = 0;
    for (int r = 0; r < fragments.repeats(); r++) {
      for (int i = 0; i < fragments.offsets().length; i++) {
        long length = fragments.lengths()[i];
        long offset = fragments.offsets()[i] + r * fragments.stride();
        download(source, offset, target.asSlice(done, length));
        done += length;
      }
    }
  }

  /// Frees what the device itself holds. Buffers are closed by their owners before.
  @Override
  void close();

  /// A new tensor of its own buffer, zeroed.
  default Tensor tensor(DType type, int rows, int columns) {
    return Tensor.of(allocate(type.bytes((long) rows * columns)), type, rows, columns);
  }

  /// A new row of 32-bit integers with these values.
  default Tensor ints(int... values) {
    var tensor = tensor(DType.I32, 1, values.length);
    upload(MemorySegment.ofArray(values), tensor.buffer(), 0);
    return tensor;
  }

  /// A new row of 32-bit floats with these values.
  default Tensor floats(float... values) {
    var tensor = tensor(DType.F32, 1, values.length);
    upload(MemorySegment.ofArray(values), tensor.buffer(), 0);
    return tensor;
  }
}
