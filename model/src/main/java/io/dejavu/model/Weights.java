package io.dejavu.model;

import io.dejavu.tensor.DType;
import io.dejavu.tensor.MatrixSource;
import java.util.Set;

/// The tensors of a model by their Hugging Face names.
///
/// Who asks for a tensor says which shape it expects. [SafeTensors] checks it against the file,
/// [RandomWeights] makes a tensor of that shape. What is wrong with a tensor is one
/// [CheckpointException]: not there, another shape, a type we do not compute with, NaN.
public interface Weights extends AutoCloseable {
  /// Whether there is such a tensor: for what a checkpoint may leave out, such as the output head
  /// of a tied model or a prefix of all names.
  boolean has(String name);

  /// Names of all tensors; of [RandomWeights] those asked for so far.
  Set<String> names();

  int[] shape(String name);

  /// `F32`, `F16` or `BF16`.
  DType type(String name);

  /// A tensor of two dimensions. Reading a row widens it to f32 and refuses NaN and infinity. It
  /// works until {@link #close}.
  MatrixSource matrix(String name, int rows, int columns);

  /// A tensor of one dimension, widened to f32.
  float[] vector(String name, int size);

  @Override
  void close();
}
