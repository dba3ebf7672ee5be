package io.dejavu.model;

import io.dejavu.tensor.DType;
import io.dejavu.tensor.MatrixSource;
import java.util.Set;

/// Weights that are others but for what a test overrides.
interface ForwardingWeights extends Weights {
  Weights whole();

  @Override
  default boolean has(String name) {
    return whole().has(name);
  }

  @Override
  default Set<String> names() {
    return whole().names();
  }

  @Override
  default int[] shape(String name) {
    return whole().shape(name);
  }

  @Override
  default DType type(String name) {
    return whole().type(name);
  }

  @Override
  default MatrixSource matrix(String name, int rows, int columns) {
    return whole().matrix(name, rows, columns);
  }

  @Override
  default float[] vector(String name, int size) {
    return whole().vector(name, size);
  }

  @Override
  default void close() {}
}
