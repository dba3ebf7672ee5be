package io.dejavu.engine;

import io.dejavu.kv.BlockTable;
import io.dejavu.tensor.SampleRow;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What one step computes: the newest tokens of some sequences, be they a piece of a prompt or the
/// one drawn last.
///
/// @param number of the step, from 1
public record StepPlan(long number, List<Chunk> chunks) {
  public StepPlan {
    chunks = List.copyOf(chunks);
  }

  /// All tokens of the step, T.
  public int tokens() {
    return chunks.stream().mapToInt(chunk -> chunk.tokens.length).sum();
  }

  /// What is computed of one sequence.
  ///
  /// @param tokens the new ids
  /// @param start position of the first of them; all before it are in the KV cache
  /// @param blocks of the sequence, enough for all its tokens
  /// @param draw how a token is drawn after the last of `tokens`; null: none is
  /// @param logprobs likeliest tokens reported with the drawn one; -1: no logprobs
  /// @param targets per token the prompt's next one, whose logprob is wanted; -1 where none is;
  ///   empty: nowhere
  /// @param targetLogprobs likeliest tokens reported with each target
  /// @param hidden so many of the last rows are wanted themselves; 0: none
  public record Chunk(
      long sequence,
      int[] tokens,
      int start,
      BlockTable blocks,
      @Nullable SampleRow draw,
      int logprobs,
      int[] targets,
      int targetLogprobs,
      int hidden) {
    public Chunk(
        long sequence,
        int[] tokens,
        int start,
        BlockTable blocks,
        @Nullable SampleRow draw,
        int logprobs,
        int[] targets,
        int targetLogprobs) {
      this(sequence, tokens, start, blocks, draw, logprobs, targets, targetLogprobs, 0);
    }

    Chunk withBlocks(BlockTable blocks) {
      return new Chunk(
          sequence, tokens, start, blocks, draw, logprobs, targets, targetLogprobs, hidden);
    }
  }
}
