package io.dejavu.api;

import io.dejavu.grammar.Grammar;
import io.dejavu.grammar.GrammarException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Which answers a request allows, as far as a grammar can say it.
///
/// With a shape and tools that may be called, an answer is either of that shape or calls tools;
/// with tools that must be called, the shape says nothing. Thoughts come first and are free.
///
/// @param style how calls are written; null: none are
/// @param thinks whether thoughts may come first
/// @param opened whether the prompt ends within a thought
record AnswerRule(
    AnswerShape shape,
    ChatTools tools,
    @Nullable ToolCallStyle style,
    boolean thinks,
    boolean opened) {
  static AnswerRule of(AnswerShape shape) {
    return new AnswerRule(shape, ChatTools.NONE, null, false, false);
  }

  /// Whether an answer may be any text: what ends texts in general must not end a form.
  boolean isFree() {
    return shape instanceof AnswerShape.Any
        && (tools.isEmpty() || tools.choice() == ChatTools.Choosing.AUTO);
  }

  /// Null if any answer will do.
  ///
  /// @throws HttpError if a part of it is not understood
  @Nullable Grammar grammar() {
    var content = content();
    var calls = style == null || tools.isEmpty() ? null : calls(style);
    Grammar answer;
    if (calls == null) {
      answer = content;
    } else if (tools.choice() != ChatTools.Choosing.AUTO) {
      answer = calls.required();
    } else {
      answer = content == null ? calls.free() : Grammar.choice(content, calls.required());
    }
    return answer == null || !thinks ? answer : afterThoughts(answer);
  }

  private Grammar afterThoughts(Grammar answer) {
    var thought = Grammar.sequence(Grammar.textUntil(ThoughtParser.END), Grammar.regex("\\s{0,4}"));
    return opened
        ? Grammar.sequence(thought, answer)
        : Grammar.sequence(
            Grammar.optional(Grammar.sequence(Grammar.literal(ThoughtParser.BEGIN), thought)),
            answer);
  }

  private @Nullable Grammar content() {
    return switch (shape) {
      case AnswerShape.Any _ -> null;
      case AnswerShape.AnyObject _ -> Grammar.anyJsonObject();
      case AnswerShape.Schema(var schema, var at) ->
          understood(at, () -> Grammar.jsonSchema(schema, true));
      case AnswerShape.Regex(var expression, var at) ->
          understood(at, () -> Grammar.regex(expression));
      case AnswerShape.OneOf(var texts, var at) ->
          understood(at, () -> Grammar.choice(texts.stream().map(Grammar::literal).toList()));
    };
  }

  private interface Source {
    Grammar read();
  }

  private static Grammar understood(String at, Source source) {
    try {
      return source.read();
    } catch (GrammarException e) {
      throw notUnderstood(at, e);
    }
  }

  static HttpError notUnderstood(String at, GrammarException e) {
    return HttpError.invalid(at, "%s: %s".formatted(at, e.getMessage()));
  }

  /// Where mistakes of the whole are reported.
  String at() {
    return switch (shape) {
      case AnswerShape.Any _ -> tools.legacy() ? "functions" : "tools";
      case AnswerShape.AnyObject _ -> "response_format";
      case AnswerShape.Schema(_, var at) -> at;
      case AnswerShape.Regex(_, var at) -> at;
      case AnswerShape.OneOf(_, var at) -> at;
    };
  }

  private ToolCallStyle.Calls calls(ToolCallStyle style) {
    List<Grammar> each = new ArrayList<>();
    for (var tool : tools.all()) {
      each.add(style.call(tool.name(), arguments(tool)));
    }
    return style.calls(Grammar.choice(each), tools.parallel());
  }

  /// What its schema says, or any object if we do not understand that and the client does not rely
  /// on it.
  private static Grammar arguments(ChatTools.Tool tool) {
    try {
      return Grammar.jsonSchema(tool.schema(), true);
    } catch (GrammarException e) {
      if (tool.strict()) {
        throw notUnderstood(tool.at(), e);
      }
      return Grammar.anyJsonObject();
    }
  }
}
