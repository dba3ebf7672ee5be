package io.dejavu.api;

import java.util.Set;
import java.util.function.Predicate;

/// How a model writes tool calls into its text.
public enum ToolCallStyle {
  /// Hermes, Qwen and many more.
  HERMES(Set.of(HermesParser.BEGIN, HermesParser.END)) {
    @Override
    ChatParser parser(Predicate<String> known) {
      return new HermesParser(known);
    }
  },
  /// Llama 3.
  LLAMA3_JSON(Set.of(LlamaParser.TAG)) {
    @Override
    ChatParser parser(Predicate<String> known) {
      return new LlamaParser(known);
    }
  };

  /// Tags that may be special tokens in its vocabulary.
  final Set<String> tags;

  ToolCallStyle(Set<String> tags) {
    this.tags = tags;
  }

  /// @param known tells names of tools
  abstract ChatParser parser(Predicate<String> known);

  /// The style that a chat template teaches its model.
  public static ToolCallStyle of(String template) {
    boolean llama = template.contains(LlamaParser.TAG) || template.contains("\"parameters\": ");
    return !template.contains(HermesParser.BEGIN) && llama ? LLAMA3_JSON : HERMES;
  }
}
