package io.dejavu.local;

import io.dejavu.engine.ChunkResult;
import io.dejavu.engine.GenerationRequest;
import io.dejavu.engine.StepPlan;
import io.dejavu.engine.TokenLogprobs;
import io.dejavu.kv.BlockTable;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/// Draws a hash of all tokens before, which it reads from paged memory as attention does: a block
/// that two sequences share changes what is generated.
final class PretendComputer implements StepLoop.Computer {
  static final int VOCABULARY = 1000;

  private final int[] slots;
  private final int blockTokens;
  private final Map<Long, int[]> host = new HashMap<>();
  private final Consumer<StepPlan> before;
  volatile boolean closed;

  /// @param before told of each step; what it throws makes the step fail
  PretendComputer(int blocks, int blockTokens, Consumer<StepPlan> before) {
    this.blockTokens = blockTokens;
    this.slots = new int[blocks * blockTokens];
    this.before = before;
  }

  @Override
  public List<ChunkResult> run(StepPlan plan) {
    before.accept(plan);
    var results = new ArrayList<ChunkResult>();
    for (var chunk : plan.chunks()) {
      int position = chunk.start();
      for (int token : chunk.tokens()) {
        slots[chunk.blocks().slot(position++)] = token;
      }
      var draw = chunk.draw();
      int token = draw == null ? -1 : next(read(chunk.blocks(), position), draw.seed());
      var logprobs = new TokenLogprobs(-token, 1, new int[0], new float[0]);
      results.add(new ChunkResult(token, chunk.logprobs() < 0 ? null : logprobs, List.of()));
    }
    return results;
  }

  /// What `request` must get if it is not disturbed.
  static List<Integer> expected(GenerationRequest request) {
    var tokens = new ArrayList<Integer>();
    for (int token : request.prompt()) {
      tokens.add(token);
    }
    for (int i = 0; i < request.maxTokens(); i++) {
      tokens.add(next(tokens, request.seed()));
    }
    return tokens.subList(request.prompt().length, tokens.size());
  }

  private List<Integer> read(BlockTable blocks, int tokens) {
    var all = new ArrayList<Integer>();
    for (int position = 0; position < tokens; position++) {
      all.add(slots[blocks.slot(position)]);
    }
    return all;
  }

  private static int next(List<Integer> tokens, long seed) {
    return (int)
        Long.remainderUnsigned((tokens.hashCode() + seed) * 0x9E3779B97F4A7C15L >>> 7, VOCABULARY);
  }

  @Override
  public void swapOut(long sequence, int[] blocks) {
    var copy = new int[blocks.length * blockTokens];
    for (int i = 0; i < blocks.length; i++) {
      System.arraycopy(slots, blocks[i] * blockTokens, copy, i * blockTokens, blockTokens);
    }
    host.put(sequence, copy);
  }

  @Override
  public void swapIn(long sequence, int[] blocks) {
    var copy = host.remove(sequence);
    for (int i = 0; i < blocks.length; i++) {
      System.arraycopy(copy, i * blockTokens, slots, blocks[i] * blockTokens, blockTokens);
    }
  }

  @Override
  public void dropSwapped(long sequence) {
    host.remove(sequence);
  }

  @Override
  public CacheStore tiers() {
    return CacheStore.none();
  }

  @Override
  public void close() {
    closed = true;
  }
}
