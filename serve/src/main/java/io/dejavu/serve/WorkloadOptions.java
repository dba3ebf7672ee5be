package io.dejavu.serve;

import io.dejavu.workload.ArrivalLaw;
import io.dejavu.workload.LengthLaw;
import io.dejavu.workload.Measurement;
import io.dejavu.workload.SyntheticWorkload;
import io.dejavu.workload.Workload;
import java.time.Duration;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// Options that say what is sent, and when.
final class WorkloadOptions {
  private static final int DEFAULT_CONCURRENCY = 8;

  @Option(
      names = "--num-prompts",
      paramLabel = "N",
      description = "Requests that are measured. Default: 100.")
  int prompts = 100;

  @Option(
      names = "--concurrency",
      paramLabel = "N",
      description =
          "Closed loop: so many requests at a time, the next when one has ended. With --rate: at"
              + " most so many. Default: 8, without --rate.")
  @Nullable Integer concurrency;

  @Option(
      names = "--rate",
      paramLabel = "R",
      description = "Open loop: so many requests per second on average, whatever becomes of them.")
  @Nullable Double rate;

  @Option(
      names = "--burstiness",
      paramLabel = "B",
      description =
          "Shape of the Gamma distribution of the gaps: 1 is Poisson, less is burstier, more is more"
              + " even. Default: 1.")
  double burstiness = 1;

  @Option(
      names = "--ramp-up",
      paramLabel = "SECONDS",
      description = "The rate grows from a tenth to its full value in this time. Default: 0.")
  double rampUp;

  @Option(
      names = "--workload",
      paramLabel = "KIND",
      description = "fixed, chat, code, summarise or multi-turn: made up. Default: fixed.")
  String kind = SyntheticWorkload.Kind.FIXED.label();

  @Option(
      names = "--input-len",
      paramLabel = "TOKENS",
      description =
          "Lengths of prompts: 128, or 64..256, or lognormal:MEDIAN:SIGMA:MOST. Default: the"
              + " workload's; fixed has 128.")
  @Nullable String inputLength;

  @Option(
      names = "--output-len",
      paramLabel = "TOKENS",
      description = "Lengths of answers, likewise. Default: the workload's; fixed has 128.")
  @Nullable String outputLength;

  @Option(
      names = "--turns",
      paramLabel = "N",
      description =
          "Turns of a conversation: each prompt begins with the one before. Default: the"
              + " workload's; multi-turn has 4.")
  @Nullable Integer turns;

  @Option(
      names = "--shared-prefix",
      paramLabel = "TOKENS",
      description =
          "Tokens that all prompts begin with. Default: the workload's; multi-turn has 256.")
  @Nullable Integer sharedPrefix;

  @Option(
      names = "--long-fraction",
      paramLabel = "F",
      description = "Share of prompts that have --long-tokens instead. Default: 0.")
  double longFraction;

  @Option(
      names = "--long-tokens",
      paramLabel = "TOKENS",
      description = "Length of those. Default: 4096.")
  int longTokens = 4096;

  @Option(
      names = "--max-len",
      paramLabel = "TOKENS",
      description = "Leaves out requests whose prompt and answer need more. Default: none.")
  @Nullable Integer mostTokens;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "The same seed sends the same prompts at the same times. Default: 1.")
  long seed = 1;

  /// Without times.
  ///
  /// @throws IllegalArgumentException if the options do not go together
  Workload workload() {
    if (prompts < 1) {
      throw new IllegalArgumentException("--num-prompts is %d".formatted(prompts));
    }
    var workload = synthetic().make(prompts, seed);
    return mostTokens == null ? workload : workload.within(mostTokens);
  }

  private SyntheticWorkload synthetic() {
    var made = SyntheticWorkload.of(kind());
    if (inputLength != null) {
      made = made.withPrompt(LengthLaw.parse(inputLength));
    }
    if (outputLength != null) {
      made = made.withOutput(LengthLaw.parse(outputLength));
    }
    if (turns != null) {
      made = made.withTurns(turns);
    }
    if (sharedPrefix != null) {
      made = made.withShared(sharedPrefix);
    }
    return longFraction == 0 ? made : made.withLong(longFraction, longTokens);
  }

  private SyntheticWorkload.Kind kind() {
    for (var known : SyntheticWorkload.Kind.values()) {
      if (known.label().equals(kind)) {
        return known;
      }
    }
    throw new IllegalArgumentException(
        "--workload is %s, must be one of %s"
            .formatted(
                kind,
                Arrays.stream(SyntheticWorkload.Kind.values())
                    .map(SyntheticWorkload.Kind::label)
                    .toList()));
  }

  /// @throws IllegalArgumentException if the options do not go together
  Measurement.Pace pace() {
    if (concurrency != null && concurrency < 1) {
      throw new IllegalArgumentException("--concurrency is %d".formatted(concurrency));
    }
    if (rate == null) {
      return Measurement.Pace.closed(concurrency == null ? DEFAULT_CONCURRENCY : concurrency);
    }
    return new Measurement.Pace(rate, burstiness, concurrency, false);
  }

  /// The workload at the times that the pace says.
  Workload timed(Workload workload, Measurement.Pace pace) {
    if (pace.rate() == null) {
      return workload;
    }
    var law =
        new ArrivalLaw(pace.rate(), pace.burstiness(), Duration.ofNanos((long) (rampUp * 1e9)));
    return workload.arriving(law.times(workload.requests().size(), seed));
  }
}
