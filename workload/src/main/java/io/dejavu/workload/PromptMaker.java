package io.dejavu.workload;

import org.apache.commons.rng.UniformRandomProvider;

/// Makes the prompts of a workload: tokens of shared blocks from the block's id, the others from
/// the request's number, both from the seed. Two requests share what their prefixes share and, as
/// good as surely, nothing else.
///
/// @param blockTokens of the workload
/// @param vocabulary token ids are from [#FIRST_TOKEN] to below this
/// @param seed of all prompts
public record PromptMaker(int blockTokens, int vocabulary, long seed) {
  /// Below it most vocabularies keep tokens with a meaning of their own.
  public static final int FIRST_TOKEN = 3;

  /// So few that all models have them, and that none is a token of a chat's markup.
  public static final int DEFAULT_VOCABULARY = 500;

  public PromptMaker {
    if (vocabulary <= FIRST_TOKEN || blockTokens < 1) {
      throw new IllegalArgumentException(
          "a vocabulary of %d, blocks of %d tokens".formatted(vocabulary, blockTokens));
    }
  }

  /// @param number of the request, within the workload
  /// @return `request.promptTokens()` token ids
  public int[] tokens(PlannedRequest request, long number) {
    var tokens = new int[request.promptTokens()];
    int at = 0;
    for (long id : request.prefix()) {
      at = fill(tokens, at, at + blockTokens, Seeds.random(seed, Seeds.BLOCK_TOKENS, id));
    }
    fill(tokens, at, tokens.length, Seeds.random(seed, Seeds.OWN_TOKENS, number));
    return tokens;
  }

  /// The same in words.
  public String text(PlannedRequest request, long number, PromptText words) {
    var text = new StringBuilder();
    int at = 0;
    for (long id : request.prefix()) {
      int end = Math.min(at + blockTokens, request.promptTokens());
      if (end > at) {
        words.append(text, end - at, Seeds.random(seed, Seeds.BLOCK_TOKENS, id));
      }
      at = end;
    }
    if (at < request.promptTokens()) {
      words.append(text, request.promptTokens() - at, Seeds.random(seed, Seeds.OWN_TOKENS, number));
    }
    return text.toString();
  }

  private int fill(int[] tokens, int from, int to, UniformRandomProvider random) {
    int end = Math.min(to, tokens.length);
    for (int i = from; i < end; i++) {
      tokens[i] = random.nextInt(FIRST_TOKEN, vocabulary);
    }
    return end;
  }
}
