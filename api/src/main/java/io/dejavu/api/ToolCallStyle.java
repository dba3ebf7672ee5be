package io.dejavu.api;

import io.dejavu.grammar.Grammar;
import java.util.Set;
import java.util.function.Predicate;

/// How a model writes tool calls into its text.
public enum ToolCallStyle {
  /// Hermes, Qwen and many more: [HermesParser].
  HERMES(Set.of(HermesParser.BEGIN, HermesParser.END)) {
    @Override
    ChatParser parser(Predicate<String> known) {
      return new HermesParser(known);
    }

    @Override
    Grammar call(String tool, Grammar arguments) {
      return Grammar.sequence(
          Grammar.literal("{\"name\": \"" + tool + "\", \"arguments\": "),
          arguments,
          Grammar.literal("}"));
    }

    @Override
    Calls calls(Grammar call, boolean several) {
      var rest =
          Grammar.sequence(
              Grammar.regex("\n?"), call, Grammar.regex("\n?"), Grammar.literal(HermesParser.END));
      var one = Grammar.sequence(Grammar.literal(HermesParser.BEGIN), rest);
      var more = Grammar.sequence(Grammar.regex("\n?"), one);
      return new Calls(
          several ? Grammar.sequence(one, Grammar.repeat(more, 0, -1)) : one,
          Grammar.freeText(HermesParser.BEGIN, rest, several ? -1 : 1));
    }
  },
  /// Llama 3: [LlamaParser].
  LLAMA3_JSON(Set.of(LlamaParser.TAG)) {
    @Override
    ChatParser parser(Predicate<String> known) {
      return new LlamaParser(known);
    }

    @Override
    Grammar call(String tool, Grammar arguments) {
      return Grammar.sequence(
          Grammar.literal("{\"name\": \"" + tool + "\", \"parameters\": "),
          arguments,
          Grammar.literal("}"));
    }

    @Override
    Calls calls(Grammar call, boolean several) {
      var more = Grammar.sequence(Grammar.literal("; "), call);
      var required = several ? Grammar.sequence(call, Grammar.repeat(more, 0, -1)) : call;
      var text =
          Grammar.sequence(
              Grammar.choice(Grammar.regex("\\s*[^{\\s<]"), Grammar.regex("\\s*<[^|]")),
              Grammar.text());
      return new Calls(
          required,
          Grammar.choice(
              Grammar.sequence(Grammar.optional(Grammar.literal(LlamaParser.TAG)), required),
              Grammar.optional(text)));
    }
  };

  /// Tags that may be special tokens in its vocabulary.
  final Set<String> tags;

  ToolCallStyle(Set<String> tags) {
    this.tags = tags;
  }

  /// Answers that call tools.
  ///
  /// @param required calls and nothing else
  /// @param free text in which every call is a good one
  record Calls(Grammar required, Grammar free) {}

  /// @param known tells names of tools
  abstract ChatParser parser(Predicate<String> known);

  /// The object that calls `tool`.
  abstract Grammar call(String tool, Grammar arguments);

  /// @param call the object
  /// @param several whether there may be more than one
  abstract Calls calls(Grammar call, boolean several);

  /// The style that a chat template teaches its model.
  public static ToolCallStyle of(String template) {
    boolean llama = template.contains(LlamaParser.TAG) || template.contains("\"parameters\": ");
    return !template.contains(HermesParser.BEGIN) && llama ? LLAMA3_JSON : HERMES;
  }
}
