package io.dejavu.engine;

import io.dejavu.kv.BlockTable;
import io.dejavu.tensor.SampleRow;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// One accepted request: its tokens so far, and up to where they are computed.
final class Sequence {
  private static final int[] NONE = {};

  final long number;
  final GenerationRequest request;
  // Most tokens that it can have.
  private final int peak;
  private final int[] banned;
  private final boolean penalised;
  private final List<TokenLogprobs> promptLogprobs = new ArrayList<>();

  private @Nullable TokenConstraint constraint;
  private int[] tokens;
  private int length;
  private int computed;
  private BlockTable blocks;
  private boolean over;

  Sequence(long number, GenerationRequest request, Admission admission) {
    this.number = number;
    this.request = request;
    tokens = request.prompt().clone();
    length = tokens.length;
    peak = Math.min(length + request.maxTokens(), admission.maxContext());
    banned =
        request.stopTokens().stream()
            .mapToInt(Integer::intValue)
            .filter(admission::isToken)
            .sorted()
            .toArray();
    var sampling = request.sampling();
    penalised = sampling.repetition() != 1 || sampling.presence() != 0 || sampling.frequency() != 0;
    constraint = request.constraint();
    blocks = new BlockTable(1, NONE);
  }

  /// Most tokens whose keys and values it can ever have. The last token drawn is not computed.
  int peakComputed() {
    return request.maxTokens() == 0 ? length : peak - 1;
  }

  /// From now on it may run.
  void admit(BlockTable blocks) {
    this.blocks = blocks;
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
        Math.max(request.promptLogprobs(), 0));
  }

  private SampleRow sampleRow() {
    return new SampleRow(
        request.sampling(),
        request.seed(),
        length,
        penalised ? Arrays.copyOf(tokens, length) : NONE,
        penalised ? promptTokens() : 0,
        generated() < request.minTokens() ? banned : NONE);
  }

  private int[] targets(int count) {
    if (request.promptLogprobs() < 0 || computed >= promptTokens() - 1) {
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
    if (drawn) {
      append(result.token());
      events.add(new GenerationEvent.Token(length - 1, result.token(), result.logprobs()));
    }
    if (drawn && request.stopTokens().contains(result.token())) {
      events.add(finished(FinishReason.STOP));
    } else if (length == peak) {
      events.add(finished(FinishReason.LENGTH));
    }
    return events;
  }

  GenerationEvent.Finished finished(FinishReason reason) {
    return new GenerationEvent.Finished(reason, promptTokens(), generated(), 0);
  }

  private void append(int token) {
    if (length == tokens.length) {
      tokens = Arrays.copyOf(tokens, Math.min(peak, 2 * length + 16));
    }
    tokens[length++] = token;
  }
}
