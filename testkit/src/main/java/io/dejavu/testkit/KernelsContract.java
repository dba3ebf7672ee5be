package io.dejavu.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.tensor.Kernels;
import org.junit.jupiter.api.Test;

/// What every backend's kernels are held to: the results of the plain kernels within a stated
/// tolerance, for every operation and sizes around every likely vector and block; and, to the bit,
/// rows that do not depend on their company. A backend's test extends this with one method:
///
/// ```java
/// class VectorKernelsTest extends KernelsContract {
///   @Override
///   public Kernels open(int threads) {
///     return CpuKernels.open("java", threads);
///   }
/// }
/// ```
public abstract class KernelsContract
    implements RowsContract, ProductsContract, AttentionContract, SamplingContract {
  /// New kernels; the test closes them.
  ///
  /// @param threads to share the work among; a backend without this notion ignores it
  @Override
  public abstract Kernels open(int threads);

  @Test
  void kernelsHaveANameAndADevice() {
    try (var kernels = open(1)) {
      assertThat(kernels.name()).isNotBlank();
      assertThat(kernels.device().name()).isNotBlank();
    }
  }
}
