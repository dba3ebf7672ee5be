package io.dejavu.backend.cpu;

import io.dejavu.tensor.MatrixFormat;
import io.dejavu.tensor.MatrixSource;
import io.dejavu.tensor.PackedMatrix;
import io.dejavu.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/// Products with weight matrices: the part of {@link io.dejavu.tensor.Kernels} that comes in
/// families of instructions. The rest of the kernels is the same for all of them.
///
/// Shapes were checked by the caller, tensors lie in this process's memory and are f32. Work is
/// shared among the {@link Workers} that the implementation was made with.
interface MatrixProducts extends AutoCloseable {
  /// The family, such as `java`, `avx2`, `avx512`.
  String name();

  /// See {@link io.dejavu.tensor.Kernels#pack}.
  PackedMatrix pack(MatrixSource source, MatrixFormat format);

  /// See {@link io.dejavu.tensor.Kernels#linear}. An output row is the same to the bit with any
  /// number of rows and threads.
  void multiply(Tensor x, PackedMatrix w, @Nullable Tensor bias, Tensor out, boolean accumulate);

  /// Row `row` of the matrix as {@link #pack} rounded it, widened to f32.
  ///
  /// @param address of `columns` floats to write
  void read(PackedMatrix w, int row, long address);

  /// Frees scratch and code, not packed matrices.
  @Override
  void close();
}
