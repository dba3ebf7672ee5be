/// Off-heap memory with a shape, and the contract of every kernel in plain Java. Start at
/// `Kernels`, `Device`, `Tensor`.
///
/// Axes, here and everywhere: T tokens in this step · H query heads · K kv heads · D head size · M
/// model width · F feed-forward width · V vocabulary · L layers · B blocks · S tokens per block. In
/// a matrix product alone N are outputs, K inputs.
@org.jspecify.annotations.NullMarked
module io.dejavu.tensor {
  requires static transitive org.jspecify;

  exports io.dejavu.tensor;
}
