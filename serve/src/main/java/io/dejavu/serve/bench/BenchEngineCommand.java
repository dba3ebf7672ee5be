package io.dejavu.serve.bench;

import io.dejavu.local.Figures;
import io.dejavu.local.LoadedModel;
import io.dejavu.model.StepLimits;
import io.dejavu.serve.cli.ExitCode;
import io.dejavu.serve.cli.Installation;
import io.dejavu.serve.cli.LoadBar;
import io.dejavu.serve.cli.ModelArgument;
import io.dejavu.serve.cli.ModelOptions;
import io.dejavu.serve.logging.LogLevel;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "engine",
    description = {
      "Measures a model without scheduler and HTTP, as llama-bench does: prompts (ppN: one sequence"
          + " of N tokens) and generation (tgN: N tokens of each of some sequences together, from an"
          + " empty context). Each test warms up first; tokens/s are medians, of all sequences"
          + " together."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  dejavu bench engine",
      "  dejavu bench engine ~/models/Llama-3.2-1B --weights int8 --batch 1,8,16",
      "  dejavu bench engine --random-weights config.json --pp 0 --tg 48 --batch 8 --plain"
    },
    sortOptions = false)
final class BenchEngineCommand implements Callable<Integer> {
  @Spec @Nullable CommandSpec spec;

  @Mixin ModelArgument model = new ModelArgument();

  @Mixin ModelOptions options = new ModelOptions();

  @Option(
      names = "--pp",
      paramLabel = "N",
      split = ",",
      description = "Lengths of prompts; 0: none. Default: 512.")
  List<Integer> prompts = List.of(512);

  @Option(
      names = "--tg",
      paramLabel = "N",
      split = ",",
      description = "Tokens to generate; 0: none. Default: 48.")
  List<Integer> generated = List.of(48);

  @Option(
      names = "--batch",
      paramLabel = "N",
      split = ",",
      description = "Sequences to generate together. Default: 1,8,16.")
  List<Integer> batches = List.of(1, 8, 16);

  @Option(
      names = "--max-batch-tokens",
      paramLabel = "TOKENS",
      description = "Most tokens computed in one step; longer prompts take several. Default: 512.")
  int maxBatchTokens = 512;

  @Option(
      names = "--repetitions",
      paramLabel = "N",
      description = "Measurements of each test. Default: 3.")
  int repetitions = 3;

  @Option(
      names = "--warm-up",
      paramLabel = "SECONDS",
      description = "Least time that each test runs before it is measured. Default: 5.")
  double warmUp = 5;

  @ArgGroup(exclusive = true)
  @Nullable Form form;

  /// How results are written.
  static final class Form {
    @Option(names = "--json", description = "One line of JSON per test.")
    boolean json;

    @Option(names = "--plain", description = "One number per test: tokens per second.")
    boolean plain;
  }

  @Override
  public Integer call() {
    LogLevel.set("WARN");
    check();
    if (spec == null) {
      throw new IllegalStateException("not run by the command line");
    }
    var out = spec.commandLine().getOut();
    int most = Collections.max(batches);
    int longest =
        Stream.concat(prompts.stream(), generated.stream()).mapToInt(n -> n).max().orElseThrow();
    try (var loaded = load(new StepLimits(Math.max(maxBatchTokens, most), 0))) {
      int positions = loaded.executor().sizes().maxPositions();
      if (longest > positions) {
        loaded.executor().close();
        throw options.usage("%d tokens, the model was made for %d".formatted(longest, positions));
      }
      try (var bench =
          new EngineBench(
              loaded.executor(),
              loaded.kernels(),
              longest,
              most,
              Duration.ofNanos((long) (warmUp * 1e9)))) {
        head(out, loaded);
        for (int tokens : prompts) {
          if (tokens > 0) {
            print(out, loaded, bench.prompt(tokens, repetitions));
          }
        }
        for (int tokens : generated) {
          for (int sequences : tokens > 0 ? batches : List.<Integer>of()) {
            print(out, loaded, bench.decode(tokens, sequences, repetitions));
          }
        }
      }
    }
    return ExitCode.DONE.code();
  }

  private LoadedModel load(StepLimits limits) {
    try (var bar = new LoadBar()) {
      return LoadedModel.open(options.config(model.text()), limits, bar);
    } catch (IllegalArgumentException e) {
      throw options.usage(e);
    }
  }

  private void check() {
    least("--pp", prompts, 0);
    least("--tg", generated, 0);
    least("--batch", batches, 1);
    least("--max-batch-tokens", List.of(maxBatchTokens), 1);
    least("--repetitions", List.of(repetitions), 1);
    if (!(warmUp >= 0 && warmUp <= 3600)) {
      throw options.usage("--warm-up is %s, must be 0 to 3600".formatted(warmUp));
    }
    if (Stream.concat(prompts.stream(), generated.stream()).allMatch(n -> n == 0)) {
      throw options.usage("--pp and --tg are 0: there is nothing to measure");
    }
  }

  private void least(String name, List<Integer> values, int least) {
    for (int value : values) {
      if (value < least) {
        throw options.usage("%s is %d, must be at least %d".formatted(name, value, least));
      }
    }
  }

  private void head(PrintWriter out, LoadedModel loaded) {
    if (form != null) {
      return;
    }
    out.printf(
        "%s, %s parameters, --dtype %s --weights %s, kernels %s, %d threads%n",
        loaded.source().name(),
        Figures.count(loaded.parameters()),
        options.dtype(),
        options.weights(),
        loaded.kernels().name(),
        options.threads());
    out.printf("%-8s %9s %19s %12s%n", "test", "sequences", "range", "tokens/s");
    out.flush();
  }

  private void print(PrintWriter out, LoadedModel loaded, EngineBench.Result result) {
    var speed = result.spread();
    if (form != null && form.json) {
      out.println(json(loaded, result));
    } else if (form != null && form.plain) {
      out.printf(Locale.ROOT, "%.2f%n", speed.median());
    } else {
      out.printf(
          Locale.ROOT,
          "%-8s %9d %19s %12.2f%n",
          result.name(),
          result.sequences(),
          String.format(Locale.ROOT, "%.2f – %.2f", speed.least(), speed.most()),
          speed.median());
    }
    out.flush();
  }

  private String json(LoadedModel loaded, EngineBench.Result result) {
    return """
    {"engine":"dejavu","version":"%s","model":"%s","parameters":%d,"dtype":"%s","weights":"%s",\
    "kernels":"%s","threads":%d,"test":"%s","sequences":%d,"tokens_per_s":%.2f,"samples":[%s]}"""
        .formatted(
            Installation.version(),
            loaded.source().name().replaceAll("[\"\\\\\\p{Cntrl}]", "?"),
            loaded.parameters(),
            options.dtype(),
            options.weights(),
            loaded.kernels().name(),
            options.threads(),
            result.name(),
            result.sequences(),
            result.spread().median(),
            result.samples().stream()
                .map(sample -> String.format(Locale.ROOT, "%.2f", sample))
                .collect(Collectors.joining(",")));
  }
}
