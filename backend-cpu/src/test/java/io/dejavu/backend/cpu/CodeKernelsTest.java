package io.dejavu.backend.cpu;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.dejavu.tensor.Kernels;
import io.dejavu.testkit.ProductsContract;
import org.junit.jupiter.api.Nested;

/// The families of machine code differ from `java` in their products only, so this is the part of
/// the contract that they are held to.
class CodeKernelsTest {
  private static Kernels open(KernelFamily family, int threads) {
    var missing = family.missing(CpuFeatures.ofThisMachine());
    assumeTrue(missing.isEmpty(), () -> "this CPU lacks " + missing);
    return CpuKernels.open(family.label(), threads);
  }

  @Nested
  class Avx512 implements ProductsContract {
    @Override
    public Kernels open(int threads) {
      return CodeKernelsTest.open(KernelFamily.AVX512, threads);
    }
  }

  @Nested
  class Avx512Fma implements ProductsContract {
    @Override
    public Kernels open(int threads) {
      return CodeKernelsTest.open(KernelFamily.AVX512_FMA, threads);
    }
  }

  @Nested
  class Avx2 implements ProductsContract {
    @Override
    public Kernels open(int threads) {
      return CodeKernelsTest.open(KernelFamily.AVX2, threads);
    }
  }
}
