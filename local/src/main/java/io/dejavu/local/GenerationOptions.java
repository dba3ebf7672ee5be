package io.dejavu.local;

import io.dejavu.engine.TokenConstraint;
import io.dejavu.tensor.Sampling;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// How a text is to be generated. What is not said is as the checkpoint suggests. Immutable: each
/// `with` gives a copy.
public final class GenerationOptions {
  /// At most 256 tokens, drawn as the checkpoint suggests, with a new seed each time.
  public static final GenerationOptions DEFAULT = new GenerationOptions();

  private int maxTokens = 256;
  private @Nullable Float temperature;
  private @Nullable Integer topK;
  private @Nullable Float topP;
  private @Nullable Float minP;
  private @Nullable Float repetition;
  private float presence;
  private float frequency;
  private @Nullable Long seed;
  private List<String> stops = List.of();
  private boolean endless;
  private int priority;
  private @Nullable Duration timeout;
  private @Nullable TokenConstraint constraint;

  private GenerationOptions() {}

  private GenerationOptions(GenerationOptions other) {
    this.maxTokens = other.maxTokens;
    this.temperature = other.temperature;
    this.topK = other.topK;
    this.topP = other.topP;
    this.minP = other.minP;
    this.repetition = other.repetition;
    this.presence = other.presence;
    this.frequency = other.frequency;
    this.seed = other.seed;
    this.stops = other.stops;
    this.endless = other.endless;
    this.priority = other.priority;
    this.timeout = other.timeout;
    this.constraint = other.constraint;
  }

  private GenerationOptions with(Consumer<GenerationOptions> change) {
    var copy = new GenerationOptions(this);
    change.accept(copy);
    return copy;
  }

  /// Most tokens to generate; fewer if the model's context ends before.
  public GenerationOptions withMaxTokens(int maxTokens) {
    if (maxTokens < 1) {
      throw new IllegalArgumentException(maxTokens + " tokens at most");
    }
    return with(copy -> copy.maxTokens = maxTokens);
  }

  /// 0: always the likeliest token; higher: more variety.
  public GenerationOptions withTemperature(@Nullable Float temperature) {
    return with(copy -> copy.temperature = temperature);
  }

  /// Draw from the `topK` likeliest tokens only; 0: from all.
  public GenerationOptions withTopK(@Nullable Integer topK) {
    return with(copy -> copy.topK = topK);
  }

  /// Draw from the likeliest tokens that have this probability together.
  public GenerationOptions withTopP(@Nullable Float topP) {
    return with(copy -> copy.topP = topP);
  }

  /// Draw no token less likely than this times the likeliest.
  public GenerationOptions withMinP(@Nullable Float minP) {
    return with(copy -> copy.minP = minP);
  }

  /// Above 1: makes tokens that were seen less likely.
  public GenerationOptions withRepetitionPenalty(@Nullable Float repetition) {
    return with(copy -> copy.repetition = repetition);
  }

  /// Taken from the logits of tokens that were generated before.
  public GenerationOptions withPresencePenalty(float presence) {
    return with(copy -> copy.presence = presence);
  }

  /// Taken from the logits of tokens for each time that they were generated.
  public GenerationOptions withFrequencyPenalty(float frequency) {
    return with(copy -> copy.frequency = frequency);
  }

  /// The same seed gives the same text. Null: a new one each time.
  public GenerationOptions withSeed(@Nullable Long seed) {
    return with(copy -> copy.seed = seed);
  }

  /// Texts before which it ends.
  public GenerationOptions withStops(List<String> stops) {
    var kept = List.copyOf(stops);
    return with(copy -> copy.stops = kept);
  }

  /// Goes on after the model's end-of-text token.
  public GenerationOptions withoutEnd() {
    return with(copy -> copy.endless = true);
  }

  /// Lower runs first; 0 unless said.
  public GenerationOptions withPriority(int priority) {
    return with(copy -> copy.priority = priority);
  }

  /// Longest time from the call to the end of the text, waiting included; null: none.
  public GenerationOptions withTimeout(@Nullable Duration timeout) {
    return with(copy -> copy.timeout = timeout);
  }

  /// What may be generated at all, such as a compiled grammar; null: anything.
  public GenerationOptions withConstraint(@Nullable TokenConstraint constraint) {
    return with(copy -> copy.constraint = constraint);
  }

  public int maxTokens() {
    return maxTokens;
  }

  /// Null: a new one each time.
  public @Nullable Long seed() {
    return seed;
  }

  public List<String> stops() {
    return stops;
  }

  boolean endless() {
    return endless;
  }

  int priority() {
    return priority;
  }

  @Nullable Duration timeout() {
    return timeout;
  }

  @Nullable TokenConstraint constraint() {
    return constraint;
  }

  /// @param suggested by the checkpoint
  /// @throws IllegalArgumentException if a number is out of range
  Sampling sampling(Sampling suggested) {
    return new Sampling(
        temperature == null ? suggested.temperature() : temperature,
        topK == null ? suggested.topK() : topK,
        topP == null ? suggested.topP() : topP,
        minP == null ? suggested.minP() : minP,
        repetition == null ? suggested.repetition() : repetition,
        presence,
        frequency,
        Map.of());
  }
}
