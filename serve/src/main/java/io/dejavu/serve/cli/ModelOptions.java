package io.dejavu.serve.cli;

import io.dejavu.backend.cpu.CpuKernels;
import io.dejavu.local.ModelConfig;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// Which model, and how it is computed: what all commands that run one have in common.
public final class ModelOptions {
  @Spec(Spec.Target.MIXEE)
  @Nullable CommandSpec command;

  @Mixin HubOptions hub = new HubOptions();

  @Option(
      names = "--random-weights",
      paramLabel = "CONFIG",
      description =
          "Instead of a MODEL: untrained weights of the shape that this config.json describes, for"
              + " measurements. It takes and gives token ids.")
  @Nullable Path randomWeights;

  @Option(
      names = "--dtype",
      paramLabel = "TYPE",
      defaultValue = "auto",
      description =
          "In what matrix products are computed: auto (as the checkpoint is stored), float32 (the"
              + " accurate one) or bfloat16. Default: auto.")
  String dtype = "auto";

  @Option(
      names = "--weights",
      paramLabel = "FORMAT",
      defaultValue = "stored",
      description =
          "How weights are kept: stored (as in the checkpoint), int8 or int4, which quantise them at"
              + " load in groups of 128 or 32, such as int4:32. Default: stored.")
  String weights = "stored";

  @Option(
      names = "--kernels",
      paramLabel = "NAME",
      defaultValue = CpuKernels.AUTO,
      description =
          "Kernel family: auto measures and takes the fastest, java is pure Java and works"
              + " everywhere; `dejavu doctor` lists those of this machine. Default: auto.")
  String kernels = CpuKernels.AUTO;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads that compute. Default: one per CPU.")
  int threads = Runtime.getRuntime().availableProcessors();

  private @Nullable Path directory;

  /// @param model as on the command line; null: the bundled one
  public ModelConfig config(@Nullable String model) {
    if (threads < 1) {
      throw usage("--threads is %d, must be at least 1".formatted(threads));
    }
    if (model != null && randomWeights != null) {
      throw usage("a MODEL or --random-weights, not both");
    }
    try {
      var path = randomWeights == null ? directory(model) : randomWeights;
      return new ModelConfig(path, randomWeights != null, dtype, weights, kernels, threads);
    } catch (IllegalArgumentException e) {
      throw usage(e);
    }
  }

  /// Asked for once: to fetch a model takes time.
  private Path directory(@Nullable String model) {
    var known = directory;
    if (known == null) {
      known = ModelArgument.directory(model, hub);
      directory = known;
    }
    return known;
  }

  /// In what matrix products are computed, as on the command line.
  public String dtype() {
    return dtype;
  }

  /// How weights are kept, as on the command line.
  public String weights() {
    return weights;
  }

  /// That compute.
  public int threads() {
    return threads;
  }

  /// A value that does not fit, as an error of usage.
  public CommandLine.ParameterException usage(IllegalArgumentException problem) {
    return usage(String.valueOf(problem.getMessage()));
  }

  public CommandLine.ParameterException usage(String problem) {
    if (command == null) {
      throw new IllegalStateException("not mixed into a command");
    }
    return new CommandLine.ParameterException(command.commandLine(), problem);
  }
}
