package io.dejavu.model;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// What a checkpoint suggests for generating with it: `generation_config.json`. A value that it
/// does not name is null.
///
/// @param endTokens ids that end a sequence; from `config.json` where the file has none
/// @param stopStrings texts that end an answer
/// @param beginToken id that begins a sequence
/// @param padToken id that stands for no token
public record GenerationDefaults(
    List<Integer> endTokens,
    List<String> stopStrings,
    @Nullable Integer beginToken,
    @Nullable Integer padToken,
    @Nullable Double temperature,
    @Nullable Integer topK,
    @Nullable Double topP,
    @Nullable Double minP,
    @Nullable Double repetitionPenalty,
    @Nullable Integer maxNewTokens) {

  public GenerationDefaults {
    endTokens = List.copyOf(endTokens);
    stopStrings = List.copyOf(stopStrings);
  }

  /// @param generation null where the checkpoint has no such file
  static GenerationDefaults of(Config config, @Nullable Config generation) {
    var first = generation == null ? config : generation;
    var end = first.tokenIds("eos_token_id");
    return new GenerationDefaults(
        end.isEmpty() ? config.tokenIds("eos_token_id") : end,
        stopStrings(first),
        id(first, config, "bos_token_id"),
        id(first, config, "pad_token_id"),
        number(first, "temperature"),
        whole(first, "top_k"),
        number(first, "top_p"),
        number(first, "min_p"),
        number(first, "repetition_penalty"),
        whole(first, "max_new_tokens"));
  }

  private static List<String> stopStrings(Config config) {
    if (!config.has("stop_strings")) {
      return List.of();
    }
    var texts =
        config.isList("stop_strings")
            ? config.texts("stop_strings")
            : List.of(config.text("stop_strings"));
    return texts.stream().filter(text -> !text.isEmpty()).toList();
  }

  private static @Nullable Integer id(Config first, Config second, String key) {
    var ids = first.has(key) ? first.tokenIds(key) : second.tokenIds(key);
    return ids.isEmpty() ? null : ids.getFirst();
  }

  private static @Nullable Double number(Config config, String key) {
    return config.has(key) ? (Double) config.real(key) : null;
  }

  private static @Nullable Integer whole(Config config, String key) {
    return config.has(key) ? (Integer) config.integerIn(key, -1, Integer.MAX_VALUE) : null;
  }
}
