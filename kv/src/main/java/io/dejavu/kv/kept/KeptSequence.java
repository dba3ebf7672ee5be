package io.dejavu.kv.kept;

import java.util.Arrays;

/// What is left of a sequence in memory that outlived its process.
///
/// @param request its number, as the writer was given it
/// @param epoch of the writer
/// @param tokens committed: the keys and values of so many are whole in every layer
/// @param blocks that hold them, in order; no more than that takes
public record KeptSequence(long request, int epoch, int tokens, int[] blocks) {
  @Override
  public String toString() {
    return "request %x of epoch %d: %d tokens in blocks %s"
        .formatted(request, epoch, tokens, Arrays.toString(blocks));
  }
}
