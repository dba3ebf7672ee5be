package io.dejavu.backend.cpu;

import io.dejavu.tensor.Kernels;
import io.dejavu.testkit.KernelsContract;

class VectorKernelsTest extends KernelsContract {
  @Override
  public Kernels open(int threads) {
    return CpuKernels.open(JavaProducts.NAME, threads);
  }
}
