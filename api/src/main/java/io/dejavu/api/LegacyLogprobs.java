package io.dejavu.api;

import io.dejavu.engine.TokenLogprobs;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// The `logprobs` object of `/v1/completions`: four lists with one entry per token.
final class LegacyLogprobs {
  /// JSON has no minus infinity.
  private static final float LEAST = -9999;

  private final TokenTexts texts;
  private final ArrayNode tokens = JsonNodeFactory.instance.arrayNode();
  private final ArrayNode tokenLogprobs = JsonNodeFactory.instance.arrayNode();
  private final ArrayNode topLogprobs = JsonNodeFactory.instance.arrayNode();
  private final ArrayNode textOffset = JsonNodeFactory.instance.arrayNode();

  LegacyLogprobs(TokenTexts texts) {
    this.texts = texts;
  }

  /// @param offset of the token's text in the whole text of the choice
  /// @param logprobs null for the first token of a prompt, which has no condition
  void add(int id, int offset, @Nullable TokenLogprobs logprobs) {
    String text = texts.of(id);
    tokens.add(text);
    textOffset.add(offset);
    if (logprobs == null) {
      tokenLogprobs.addNull();
      topLogprobs.addNull();
      return;
    }
    tokenLogprobs.add(finite(logprobs.logprob()));
    var top = topLogprobs.addObject();
    for (int i = 0; i < logprobs.topIds().length; i++) {
      String other = texts.of(logprobs.topIds()[i]);
      if (!top.has(other)) { // parts of characters may look alike: the likelier one stays
        top.put(other, finite(logprobs.topLogprobs()[i]));
      }
    }
    if (!top.has(text)) {
      top.put(text, finite(logprobs.logprob()));
    }
  }

  ObjectNode json() {
    var json = JsonNodeFactory.instance.objectNode();
    json.set("tokens", tokens);
    json.set("token_logprobs", tokenLogprobs);
    json.set("top_logprobs", topLogprobs);
    json.set("text_offset", textOffset);
    return json;
  }

  static float finite(float logprob) {
    return Math.max(logprob, LEAST);
  }
}
