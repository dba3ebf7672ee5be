package io.dejavu.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class CpuKernelsTest {
  @Test
  void opensEveryFamilyOfThisMachine() {
    for (var family : CpuKernels.families()) {
      try (var kernels = CpuKernels.open(family, 1)) {
        assertThat(kernels.name()).isEqualTo(family);
      }
    }
  }

  @Test
  void opensTheFastestByDefault() {
    try (var kernels = CpuKernels.open(CpuKernels.AUTO, 1)) {
      assertThat(kernels.name()).isEqualTo(CpuKernels.families().getFirst());
    }
  }

  @Test
  void worksWithoutMachineCode() {
    assertThat(FamilyRace.run(CpuFeatures.parse("flags : fpu sse2"))).isEmpty();
    assertThat(CpuKernels.families()).endsWith(JavaProducts.NAME);
  }

  @Test
  void saysWhatThereIsInsteadOfAnUnknownFamily() {
    assertThatThrownBy(() -> CpuKernels.open("fast", 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("no kernels 'fast'")
        .hasMessageContaining(JavaProducts.NAME);
  }

  @Test
  void saysWhatThereIsInsteadOfAFamilyOfOtherCpus() {
    for (var family : KernelFamily.values()) {
      if (!family.missing(CpuFeatures.ofThisMachine()).isEmpty()) {
        assertThatThrownBy(() -> CpuKernels.open(family.label(), 2))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining(family.label() + " need a CPU with")
            .hasMessageContaining(JavaProducts.NAME);
      }
    }
  }

  @Test
  void namesWhatTheMachineLacks() {
    var machine = CpuFeatures.parse("flags : fpu sse2 avx2 f16c");

    assertThatThrownBy(() -> KernelFamily.AVX2.require(machine))
        .isInstanceOf(UnsupportedOperationException.class)
        .hasMessageContaining("avx2 need a CPU with fma");
  }
}
