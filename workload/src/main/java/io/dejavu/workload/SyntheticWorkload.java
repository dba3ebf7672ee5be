package io.dejavu.workload;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.IntSupplier;
import org.apache.commons.rng.UniformRandomProvider;
import org.apache.commons.rng.sampling.distribution.DiscreteUniformSampler;
import org.apache.commons.rng.sampling.distribution.LogNormalSampler;
import org.apache.commons.rng.sampling.distribution.ZigguratSampler;

/// Workloads made of chance: lengths by law, some prompts long, some beginning alike.
///
/// @param name in reports
/// @param prompt lengths of prompts
/// @param output lengths of answers
/// @param turns turns of a conversation: each prompt is the one before, its answer, and `prompt`
///   tokens more
/// @param sharedTokens tokens that all prompts begin with, such as a system prompt, in whole
///   blocks; part of the length of the first turn's prompt, which is at least one token longer
/// @param longFraction share of prompts that have `longTokens` instead
public record SyntheticWorkload(
    String name,
    LengthLaw prompt,
    LengthLaw output,
    int turns,
    int sharedTokens,
    double longFraction,
    int longTokens) {
  /// Small, so that little of what is shared is lost to rounding.
  static final int BLOCK_TOKENS = 16;

  public SyntheticWorkload {
    if (turns < 1 || sharedTokens < 0) {
      throw new IllegalArgumentException(
          "%d turns, %d shared tokens".formatted(turns, sharedTokens));
    }
    if (!(longFraction >= 0 && longFraction <= 1) || longTokens < 1) {
      throw new IllegalArgumentException(
          "a fraction of %s with %d tokens".formatted(longFraction, longTokens));
    }
  }

  /// The kinds that have a name. Medians and tails are near those of published traces (LMSys and
  /// Azure's conversations, Azure's code, summaries of articles).
  public enum Kind {
    FIXED(new LengthLaw.Fixed(128), new LengthLaw.Fixed(128), 1, 0),
    CHAT(logNormal(400, 1.1, 8192), logNormal(150, 0.9, 2048), 1, 0),
    CODE(logNormal(1500, 0.9, 8192), logNormal(20, 0.9, 512), 1, 0),
    SUMMARISE(logNormal(2700, 0.6, 16384), logNormal(170, 0.4, 1024), 1, 0),
    MULTI_TURN(logNormal(60, 0.8, 1024), logNormal(150, 0.7, 1024), 4, 256);

    private final LengthLaw prompt;
    private final LengthLaw output;
    private final int turns;
    private final int sharedTokens;

    Kind(LengthLaw prompt, LengthLaw output, int turns, int sharedTokens) {
      this.prompt = prompt;
      this.output = output;
      this.turns = turns;
      this.sharedTokens = sharedTokens;
    }

    private static LengthLaw logNormal(double median, double sigma, int most) {
      return new LengthLaw.LogNormal(median, sigma, 1, most);
    }

    /// As on the command line, such as `multi-turn`.
    public String label() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  public static SyntheticWorkload of(Kind kind) {
    return new SyntheticWorkload(
        kind.label(), kind.prompt, kind.output, kind.turns, kind.sharedTokens, 0, 1);
  }

  public SyntheticWorkload withPrompt(LengthLaw lengths) {
    return new SyntheticWorkload(
        name, lengths, output, turns, sharedTokens, longFraction, longTokens);
  }

  public SyntheticWorkload withOutput(LengthLaw lengths) {
    return new SyntheticWorkload(
        name, prompt, lengths, turns, sharedTokens, longFraction, longTokens);
  }

  public SyntheticWorkload withTurns(int count) {
    return new SyntheticWorkload(
        name, prompt, output, count, sharedTokens, longFraction, longTokens);
  }

  public SyntheticWorkload withShared(int tokens) {
    return new SyntheticWorkload(name, prompt, output, turns, tokens, longFraction, longTokens);
  }

  /// Every `1 / fraction`-th prompt on average has `tokens`.
  public SyntheticWorkload withLong(double fraction, int tokens) {
    return new SyntheticWorkload(name, prompt, output, turns, sharedTokens, fraction, tokens);
  }

  /// @return `count` requests that all arrive at once, the same for the same seed. Conversations
  ///   advance side by side: all first turns, then all second ones
  public Workload make(int count, long seed) {
    var random = Seeds.random(seed, Seeds.LENGTHS);
    var prompts = lengths(prompt, random);
    var outputs = lengths(output, random);
    int conversations = (count + turns - 1) / turns;
    var history = new int[conversations];
    var requests = new ArrayList<PlannedRequest>(count);
    for (int i = 0; i < count; i++) {
      int conversation = i % conversations;
      boolean first = i < conversations;
      int more = random.nextDouble() < longFraction ? longTokens : prompts.getAsInt();
      int before = first ? sharedTokens : history[conversation];
      int tokens = first ? Math.max(more, before + 1) : before + more;
      int answer = outputs.getAsInt();
      history[conversation] = tokens + answer;
      requests.add(new PlannedRequest(Duration.ZERO, tokens, answer, prefix(conversation, tokens)));
    }
    return new Workload(name, BLOCK_TOKENS, requests);
  }

  /// Lengths by a law, one after the other.
  private static IntSupplier lengths(LengthLaw law, UniformRandomProvider random) {
    return switch (law) {
      case LengthLaw.Fixed(int tokens) -> () -> tokens;
      case LengthLaw.Uniform(int least, int most) -> {
        var sampler = DiscreteUniformSampler.of(random, least, most);
        yield sampler::sample;
      }
      case LengthLaw.LogNormal(double median, double sigma, int least, int most) -> {
        var normal = ZigguratSampler.NormalizedGaussian.of(random);
        var sampler = LogNormalSampler.of(normal, Math.log(median), sigma);
        yield () -> Math.clamp(Math.round(sampler.sample()), least, most);
      }
    };
  }

  /// The shared blocks; and where there are more turns, all of the prompt in the conversation's own
  /// blocks, which the next turn begins with.
  private List<Long> prefix(int conversation, int tokens) {
    var ids = new ArrayList<Long>();
    int shared = sharedTokens / BLOCK_TOKENS;
    int blocks = turns == 1 ? shared : (tokens + BLOCK_TOKENS - 1) / BLOCK_TOKENS;
    for (int block = 0; block < blocks; block++) {
      ids.add(block < shared ? block : ((conversation + 1L) << 32) + block);
    }
    return ids;
  }
}
