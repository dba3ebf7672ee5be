package io.dejavu.local;

import io.dejavu.backend.cpu.CpuKernels;
import io.dejavu.model.Precision;
import java.nio.file.Path;

/// Which model, and how it is computed.
///
/// @param path directory of a checkpoint; with `randomWeights` a `config.json` or its directory
/// @param randomWeights untrained weights of the shape that `path` describes, for measurements
/// @param dtype in what matrix products are computed: `auto`, `float32` or `bfloat16`
/// @param weights how they are kept: `stored`, `int8` or `int4`, the last two also with `:32`
/// @param kernels name of a kernel family, or `auto`
/// @param threads that compute
public record ModelConfig(
    Path path, boolean randomWeights, String dtype, String weights, String kernels, int threads) {
  /// @throws IllegalArgumentException if it cannot be; the message names the option
  public ModelConfig {
    Precision.parse(dtype, weights);
    if (threads < 1) {
      throw new IllegalArgumentException(threads + " threads");
    }
  }

  /// A checkpoint, computed as it is stored, by all CPUs.
  public static ModelConfig of(Path checkpoint) {
    return new ModelConfig(
        checkpoint,
        false,
        "auto",
        "stored",
        CpuKernels.AUTO,
        Runtime.getRuntime().availableProcessors());
  }

  public Precision precision() {
    return Precision.parse(dtype, weights);
  }
}
