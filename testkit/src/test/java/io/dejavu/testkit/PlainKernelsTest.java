package io.dejavu.testkit;

import io.dejavu.tensor.Kernels;
import io.dejavu.tensor.PlainKernels;

class PlainKernelsTest extends KernelsContract {
  @Override
  public Kernels open(int threads) {
    return new PlainKernels();
  }
}
