package io.dejavu.engine;

import io.dejavu.kv.BlockTable;
import java.util.ArrayList;
import java.util.List;

/// A model whose next token is a hash of all tokens before it, which it reads from paged memory as
/// attention does: a block that two sequences share, or that is lost, changes what is generated.
final class PretendModel {
  /// Draws NaN instead of this token.
  static final int NAN_TOKEN = 13;

  private final int vocabulary;
  private final long[] slots;

  PretendModel(int vocabulary, int slots) {
    this.vocabulary = vocabulary;
    this.slots = new long[slots];
  }

  List<ChunkResult> run(StepPlan plan) {
    var results = new ArrayList<ChunkResult>();
    for (var chunk : plan.chunks()) {
      for (int i = 0; i < chunk.tokens().length; i++) {
        int position = chunk.start() + i;
        slots[chunk.blocks().slot(position)] = entry(position, chunk.tokens()[i]);
      }
      var targets = new ArrayList<TokenLogprobs>();
      for (int i = 0; i < chunk.targets().length; i++) {
        if (chunk.targets()[i] >= 0) {
          long state = state(chunk.blocks(), chunk.start() + i + 1);
          targets.add(logprobs(state, chunk.targets()[i], chunk.targetLogprobs()));
        }
      }
      var draw = chunk.draw();
      if (draw == null) {
        results.add(new ChunkResult(-1, null, targets));
      } else {
        long state = state(chunk.blocks(), chunk.start() + chunk.tokens().length);
        int token = token(state, draw.seed(), draw.banned());
        results.add(
            token == NAN_TOKEN
                ? new ChunkResult(-1, null, targets)
                : new ChunkResult(
                    token,
                    chunk.logprobs() < 0 ? null : logprobs(state, token, chunk.logprobs()),
                    targets));
      }
    }
    return results;
  }

  /// Copies slots out, as for a swap.
  long[] copy(int[] blocks, int blockTokens) {
    var copy = new long[blocks.length * blockTokens];
    for (int i = 0; i < blocks.length; i++) {
      System.arraycopy(slots, blocks[i] * blockTokens, copy, i * blockTokens, blockTokens);
    }
    return copy;
  }

  /// Copies slots in.
  void restore(long[] copy, int[] blocks, int blockTokens) {
    for (int i = 0; i < blocks.length; i++) {
      System.arraycopy(copy, i * blockTokens, slots, blocks[i] * blockTokens, blockTokens);
    }
  }

  /// Whether these blocks hold just these tokens.
  boolean holds(BlockTable table, List<Integer> tokens, int count) {
    for (int position = 0; position < count; position++) {
      if (slots[table.slot(position)] != entry(position, tokens.get(position))) {
        return false;
      }
    }
    return true;
  }

  /// What a request must get if it runs to its end alone; ends early at NaN.
  List<Integer> expected(GenerationRequest request, int maxContext) {
    var tokens = new ArrayList<Integer>();
    long state = 0;
    int position = 0;
    for (int token : request.prompt()) {
      state = mix(state, entry(position++, token));
    }
    var stops = request.stopTokens().stream().mapToInt(Integer::intValue).sorted().toArray();
    while (tokens.size() < request.maxTokens() && position < maxContext) {
      boolean early = tokens.size() < request.minTokens();
      int token = token(state, request.seed(), early ? stops : new int[0]);
      if (token == NAN_TOKEN) {
        return tokens;
      }
      tokens.add(token);
      if (request.stopTokens().contains(token)) {
        return tokens;
      }
      state = mix(state, entry(position++, token));
    }
    return tokens;
  }

  private long state(BlockTable table, int tokens) {
    long state = 0;
    for (int position = 0; position < tokens; position++) {
      state = mix(state, slots[table.slot(position)]);
    }
    return state;
  }

  private int token(long state, long seed, int[] banned) {
    int token = (int) Long.remainderUnsigned(mix(state, seed), vocabulary);
    for (int ban : banned) {
      if (ban == token) {
        return token((state + 1) * 3, seed, banned);
      }
    }
    return token;
  }

  private static TokenLogprobs logprobs(long state, int token, int count) {
    return new TokenLogprobs(-(state >>> 40) - token, 1, new int[count], new float[count]);
  }

  private static long entry(int position, int token) {
    return ((long) position << 32) | (token + 1);
  }

  private static long mix(long a, long b) {
    long z = (a ^ b) * 0x9E3779B97F4A7C15L;
    z = (z ^ (z >>> 32)) * 0xBF58476D1CE4E5B9L;
    return z ^ (z >>> 29);
  }
}
