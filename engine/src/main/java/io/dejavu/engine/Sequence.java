package io.dejavu.engine;

import io.dejavu.kv.BlockHash;
import io.dejavu.kv.BlockTable;
import io.dejavu.tensor.SampleRow;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// One accepted request: its tokens so far, up to where they are computed, and where its keys and
/// values are.
final class Sequence {
  /// The lowest priority first, then the first that came: who keeps its memory longest.
  static final Comparator<Sequence> SENIORITY =
      Comparator.<Sequence>comparingInt(sequence -> sequence.request.priority())
          .thenComparingLong(sequence -> sequence.number);

  private static final int[] NONE = {};

  /// Where it is.
  enum Place {
    /// Waits for a place; nothing of it is computed.
    QUEUE,
    /// Runs.
    BATCH,
    /// Waits; its keys and values are in host memory.
    HOST,
    /// Has its blocks; they are filled from host memory.
    RETURNING,
    /// Waits with its keys and values in its blocks: it was adopted.
    READY,
    /// Has its blocks; the first are filled from the tiers behind the cache.
    LOADING
  }

  final long number;
  final GenerationRequest request;
  // Most tokens that it can have.
  private final int peak;
  private final int vocabulary;
  private final int[] banned;
  private final boolean penalised;
  private final List<TokenLogprobs> promptLogprobs = new ArrayList<>();
  private final PooledRows pooled;

  private @Nullable TokenConstraint constraint;
  private long @Nullable [] allowed;
  private boolean complete;
  private int[] tokens;
  private int length;
  private int computed;
  private BlockTable blocks;
  private boolean over;
  private boolean started;
  private boolean firstRun;
  private int cachedTokens;
  private final List<BlockHash> chain = new ArrayList<>();

  Place place = Place.QUEUE;

  // What is on its way to its blocks, after those that it shares.
  List<BlockSource> loading = List.of();

  // Blocks whose content the pool knows.
  int published;

  // Blocks that were in the cache when it was last asked.
  int seen;

  Sequence(long number, GenerationRequest request, Admission admission) {
    this.number = number;
    this.request = request;
    tokens = request.prompt().clone();
    length = tokens.length;
    peak = Math.min(length + request.maxTokens(), admission.maxContext());
    vocabulary = admission.vocabulary();
    pooled = new PooledRows(request.embed());
    banned =
        request.stopTokens().stream()
            .mapToInt(Integer::intValue)
            .filter(admission::isToken)
            .sorted()
            .toArray();
    var sampling = request.sampling();
    penalised = sampling.repetition() != 1 || sampling.presence() != 0 || sampling.frequency() != 0;
    blocks = new BlockTable(1, NONE);
  }

  /// Most tokens whose keys and values it can ever have. The last token drawn is not computed.
  int peakComputed() {
    return request.maxTokens() == 0 ? length : peak - 1;
  }

  /// Most tokens that it may still get.
  int mayGenerate() {
    return peak - length;
  }

  /// Tokens, prompt and generated.
  int length() {
    return length;
  }

  /// Tokens whose keys and values it has.
  int computed() {
    return computed;
  }

  /// Tokens that are to be computed to draw the next one, and that one where it is computed ever.
  int wanted() {
    return Math.min(length + 1, peakComputed());
  }

  /// Asks its constraint for the first time.
  ///
  /// @return why it can never run; empty if it can
  Optional<String> begin() {
    return constrain(request::constraint);
  }

  /// Goes on with what somebody else has generated.
  ///
  /// @param computed tokens whose keys and values it has; at least one is computed here
  /// @return why it can never run; empty if it can
  Optional<String> goOn(int[] generated, int computed) {
    var refusal = begin();
    for (int i = 0; i < generated.length; i++) {
      append(generated[i]);
      var state = constraint;
      boolean last = i == generated.length - 1 && request.stopTokens().contains(generated[i]);
      if (refusal.isEmpty() && state != null && !last) {
        int token = generated[i];
        refusal = constrain(() -> state.after(token));
      }
    }
    this.computed = Math.min(computed, length - 1);
    place = Place.READY;
    started = true;
    cachedTokens = Math.min(this.computed, promptTokens());
    return refusal;
  }

  /// What somebody else has computed is not to be had: all of it is computed here.
  void startOver() {
    drop();
    started = false;
    cachedTokens = 0;
  }

  /// How it has ended with the tokens it has; empty if it goes on.
  Optional<FinishReason> ending() {
    boolean stops = generated() > 0 && request.stopTokens().contains(tokens[length - 1]);
    if (stops || (complete && generated() > 0)) {
      return Optional.of(FinishReason.STOP);
    }
    return length == peak && request.maxTokens() > 0
        ? Optional.of(FinishReason.LENGTH)
        : Optional.empty();
  }

  /// It runs from now on, the first `cached` tokens without being computed.
  void admit(int cached) {
    place = Place.BATCH;
    computed = cached;
    firstRun = !started;
    if (firstRun) {
      started = true;
      cachedTokens = cached;
    }
  }

  /// More of its tokens need not be computed than it was admitted with.
  void loaded(int cached) {
    place = Place.BATCH;
    computed = cached;
    loading = List.of();
    if (firstRun) {
      cachedTokens = cached;
    }
  }

  /// Its keys and values are gone; it is computed again from the start.
  void drop() {
    place = Place.QUEUE;
    computed = 0;
    published = 0;
    blocks = new BlockTable(1, NONE);
    promptLogprobs.clear();
  }

  /// Its blocks are these now.
  void use(BlockTable blocks) {
    this.blocks = blocks;
  }

  BlockTable blocks() {
    return blocks;
  }

  /// The hashes of its first full blocks, as many as may come from the cache: at least one token is
  /// computed, so that the next one can be drawn.
  List<BlockHash> cacheable(BlockHash root, int blockTokens) {
    if (request.wantsWholePrompt() && generated() == 0) {
      return List.of();
    }
    return chain(root, blockTokens, (length - 1) / blockTokens);
  }

  /// The hashes of its first `count` blocks, all of them full.
  List<BlockHash> chain(BlockHash root, int blockTokens, int count) {
    while (chain.size() < count) {
      int start = chain.size() * blockTokens;
      var before = chain.isEmpty() ? root : chain.getLast();
      chain.add(before.next(tokens, start, start + blockTokens));
    }
    return chain.subList(0, count);
  }

  /// Tokens still to compute before the next one is drawn; 1 while it is being generated.
  int remaining() {
    return length - computed;
  }

  int promptTokens() {
    return request.prompt().length;
  }

  int generated() {
    return length - promptTokens();
  }

  /// Its client got the end of it.
  boolean isOver() {
    return over;
  }

  void end() {
    over = true;
  }

  /// Its next `count` tokens.
  StepPlan.Chunk chunk(int count) {
    boolean last = count == remaining();
    return new StepPlan.Chunk(
        number,
        Arrays.copyOfRange(tokens, computed, computed + count),
        computed,
        blocks,
        last && request.maxTokens() > 0 ? sampleRow() : null,
        request.logprobs(),
        targets(count),
        Math.max(request.promptLogprobs(), 0),
        pooled.wanted(count, last));
  }

  private SampleRow sampleRow() {
    return new SampleRow(
        request.sampling(),
        request.seed(),
        length,
        penalised ? Arrays.copyOf(tokens, length) : NONE,
        penalised ? promptTokens() : 0,
        generated() < request.minTokens() && mayBan() ? banned : NONE,
        allowed);
  }

  /// Whether the constraint leaves a token that is not banned. If not, the constraint wins: its
  /// text is over, whatever `min_tokens` says.
  private boolean mayBan() {
    if (allowed == null) {
      return banned.length < vocabulary;
    }
    var rest = allowed.clone();
    for (int id : banned) {
      if (id / 64 < rest.length) {
        rest[id / 64] &= ~(1L << id);
      }
    }
    return !isEmpty(rest);
  }

  private boolean isEmpty(long[] set) {
    long any = 0;
    for (int word = 0; word < Math.min(set.length, Math.ceilDiv(vocabulary, 64)); word++) {
      boolean last = word == vocabulary / 64;
      any |= last ? set[word] & ((1L << vocabulary) - 1) : set[word];
    }
    return any == 0;
  }

  /// Goes on with the constraint's next state.
  ///
  /// @return why that cannot be; empty if it can
  private Optional<String> constrain(Supplier<@Nullable TokenConstraint> next) {
    try {
      constraint = next.get();
      complete = constraint != null && constraint.isComplete();
      allowed = constraint == null ? null : constraint.allowed();
    } catch (RuntimeException e) {
      // Its bug ends its sequence and nothing else.
      return Optional.of("the constraint failed after %d tokens: %s".formatted(length, e));
    }
    return allowed != null && isEmpty(allowed)
        ? Optional.of("the constraint allows no token after %d tokens".formatted(length))
        : Optional.empty();
  }

  private int[] targets(int count) {
    if (request.promptLogprobs() < 0 || generated() > 0 || computed >= promptTokens() - 1) {
      return NONE;
    }
    var targets = new int[count];
    for (int i = 0; i < count; i++) {
      int next = computed + i + 1;
      targets[i] = next < promptTokens() ? tokens[next] : -1;
    }
    return targets;
  }

  /// Its `chunk` is computed; says what its client learns from that.
  List<GenerationEvent> commit(StepPlan.Chunk chunk, ChunkResult result) {
    computed += chunk.tokens().length;
    pooled.add(computed - chunk.hidden(), chunk.hidden(), result.hidden());
    boolean drawn = chunk.draw() != null;
    if ((drawn && result.token() < 0)
        || result.targets().stream().anyMatch(target -> Float.isNaN(target.logprob()))) {
      return List.of(
          new GenerationEvent.Failed(
              "the model computed NaN after %d tokens of the sequence".formatted(computed)));
    }
    promptLogprobs.addAll(result.targets());
    if (remaining() > 0) {
      return List.of();
    }
    var events = new ArrayList<GenerationEvent>(3);
    if (request.promptLogprobs() >= 0 && generated() == 0) {
      events.add(new GenerationEvent.Prompt(List.copyOf(promptLogprobs)));
    }
    if (request.embed() != Pooling.NONE) {
      return embedded();
    }
    if (drawn) {
      append(result.token());
      events.add(new GenerationEvent.Token(length - 1, result.token(), result.logprobs()));
    }
    boolean stops = drawn && request.stopTokens().contains(result.token());
    var state = constraint;
    var broken =
        drawn && !stops && state != null
            ? constrain(() -> state.after(result.token()))
            : Optional.<String>empty();
    if (stops || complete) {
      events.add(finished(FinishReason.STOP));
    } else if (length == peak) {
      events.add(finished(FinishReason.LENGTH));
    } else {
      broken.ifPresent(why -> events.add(new GenerationEvent.Failed(why)));
    }
    return events;
  }

  private List<GenerationEvent> embedded() {
    return pooled
        .vector()
        .<List<GenerationEvent>>map(
            vector -> List.of(new GenerationEvent.Embedded(vector), finished(FinishReason.STOP)))
        .orElseGet(
            () -> List.of(new GenerationEvent.Failed("the model computed NaN, or nothing but 0")));
  }

  GenerationEvent.Finished finished(FinishReason reason) {
    return new GenerationEvent.Finished(reason, promptTokens(), generated(), cachedTokens);
  }

  private void append(int token) {
    if (length == tokens.length) {
      tokens = Arrays.copyOf(tokens, Math.min(peak, 2 * length + 16));
    }
    tokens[length++] = token;
  }
}
