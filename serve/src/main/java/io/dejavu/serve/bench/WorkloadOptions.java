package io.dejavu.serve.bench;

import io.dejavu.workload.ArrivalLaw;
import io.dejavu.workload.LengthLaw;
import io.dejavu.workload.LengthScale;
import io.dejavu.workload.Measurement;
import io.dejavu.workload.SyntheticWorkload;
import io.dejavu.workload.TraceFormat;
import io.dejavu.workload.Workload;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// Options that say what is sent, and when.
final class WorkloadOptions {
  private static final int DEFAULT_CONCURRENCY = 8;

  /// Requests that are made up to find as many as were asked for.
  private static final int MOST_MADE = 1_000_000;

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
      names = "--trace",
      paramLabel = "FILE",
      description =
          "Requests of a trace instead: Azure's or BurstGPT's CSV, Mooncake's JSON lines, a CSV of"
              + " num_prefill_tokens,num_decode_tokens, or [[prompt, generated], …]. They come at its"
              + " own times, unless --rate or --concurrency says otherwise.")
  @Nullable Path trace;

  @Option(
      names = "--speed",
      paramLabel = "X",
      description = "The trace's times, so many times as fast. Default: 1.")
  double speed = 1;

  @Option(
      names = "--scale-len",
      paramLabel = "X",
      description =
          "Lengths of the trace times X, such as 1/32, so that a small context holds them. Default:"
              + " 1.")
  String scale = "1";

  @Option(
      names = "--scale-floor",
      paramLabel = "TOKENS",
      description = "Least length after that. Default: 4.")
  int scaleFloor = LengthScale.DEFAULT_FLOOR;

  @Option(
      names = "--trace-block-tokens",
      paramLabel = "TOKENS",
      description =
          "Tokens of a block that the trace names by a hash. Default: 512, as Mooncake's.")
  @Nullable Integer blockTokens;

  @Option(
      names = "--max-len",
      paramLabel = "TOKENS",
      description = "Leaves out requests whose prompt and answer need more. Default: none.")
  @Nullable Integer mostTokens;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "The same seed sends the same requests at the same times. Default: 1.")
  @Nullable Long seed;

  @Option(
      names = "--prompt-seed",
      paramLabel = "N",
      description =
          "Seed of what the prompts say. Default: --seed if that is given, else another one each"
              + " time, so that a server which runs on finds none of them in its cache.")
  @Nullable Long promptSeed;

  /// Of lengths and times.
  long seed() {
    return seed == null ? 1 : seed;
  }

  /// Of the prompts' tokens.
  ///
  /// @param otherwise if the options do not say it
  long promptSeed(long otherwise) {
    if (promptSeed != null) {
      return promptSeed;
    }
    return seed != null ? seed : otherwise;
  }

  /// To say in a report, and so short.
  static long anySeed() {
    return RandomGenerator.getDefault().nextInt(1, Integer.MAX_VALUE);
  }

  /// Made up ones are without times.
  ///
  /// @throws IllegalArgumentException if the options do not go together
  Workload workload() throws IOException {
    if (prompts < 1) {
      throw new IllegalArgumentException(
          "--num-prompts is %d, must be at least 1".formatted(prompts));
    }
    if (trace == null) {
      return made();
    }
    // Those that are too long are left out before it is counted.
    var read = format(trace).read(trace, mostTokens == null ? prompts : Integer.MAX_VALUE);
    var blocks = blockTokens == null ? read : read.withBlocks(blockTokens);
    return within(blocks.scaled(LengthScale.parse(scale, scaleFloor))).first(prompts).faster(speed);
  }

  /// As many as were asked for. Of conversations, which depend on how many there are, and where
  /// hardly any fits, there may be fewer.
  private Workload made() {
    var synthetic = synthetic();
    var made = within(synthetic.make(prompts, seed()));
    for (int times = 4; times <= 256 && synthetic.turns() == 1; times *= 4) {
      if (made.requests().size() >= prompts) {
        break;
      }
      int more = (int) Math.max(prompts, Math.min((long) prompts * times, MOST_MADE));
      made = within(synthetic.make(more, seed()));
    }
    return made.first(prompts);
  }

  /// Why fewer requests are sent than were asked for, in one line.
  Optional<String> shortfall(Workload workload) {
    int sent = workload.requests().size();
    return sent >= prompts
        ? Optional.empty()
        : Optional.of(
            "%d requests instead of %d (--num-prompts): %s"
                .formatted(
                    sent,
                    prompts,
                    mostTokens == null
                        ? "the trace has no more"
                        : "no more have at most %d tokens (--max-len)".formatted(mostTokens)));
  }

  private static TraceFormat format(Path trace) throws IOException {
    if (!Files.isReadable(trace)) {
      throw new IllegalArgumentException("--trace %s cannot be read".formatted(trace));
    }
    return TraceFormat.of(trace);
  }

  private Workload within(Workload workload) {
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
  Measurement.Pace pace() throws IOException {
    if (concurrency != null && concurrency < 1) {
      throw new IllegalArgumentException(
          "--concurrency is %d, must be at least 1".formatted(concurrency));
    }
    if (rate != null) {
      law(rate); // checks it
      return new Measurement.Pace(rate, burstiness, concurrency, false);
    }
    boolean traced = trace != null && concurrency == null && format(trace).isTimed();
    return traced
        ? new Measurement.Pace(null, burstiness, null, true)
        : Measurement.Pace.closed(concurrency == null ? DEFAULT_CONCURRENCY : concurrency);
  }

  /// The workload at the times that the pace says.
  Workload timed(Workload workload, Measurement.Pace pace) {
    if (pace.rate() == null) {
      return workload;
    }
    return workload.arriving(law(pace.rate()).times(workload.requests().size(), seed()));
  }

  private ArrivalLaw law(double perSecond) {
    if (!(rampUp >= 0 && rampUp <= 1e6)) {
      throw new IllegalArgumentException("--ramp-up is %s, must be at least 0".formatted(rampUp));
    }
    return new ArrivalLaw(perSecond, burstiness, Duration.ofNanos((long) (rampUp * 1e9)));
  }
}
