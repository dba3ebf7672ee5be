package io.dejavu.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ChatParserTest {
  private static final Set<String> TOOLS = Set.of("weather", "add");

  /// What came out, adjacent parts of a kind joined: content as it is, `[call name|arguments]`,
  /// `(thought)`, `{broken rest}`.
  private static String parts(Supplier<ChatParser> parser, List<String> pieces) {
    var all = new ArrayList<ChatPart>();
    var open = parser.get();
    pieces.forEach(piece -> open.push(piece, all::add));
    open.end(all::add);
    var text = new StringBuilder();
    ChatPart previous = null;
    for (var part : all) {
      boolean goesOn = previous != null && previous.getClass() == part.getClass();
      switch (part) {
        case ChatPart.Content(var content) -> text.append(content);
        case ChatPart.Thought(var thought) -> {
          if (goesOn) {
            text.setLength(text.length() - 1);
          }
          text.append(goesOn ? "" : "(").append(thought).append(")");
        }
        case ChatPart.CallStart(int call, var tool) ->
            text.append("[").append(call).append(" ").append(tool).append("|]");
        case ChatPart.Arguments(_, var json) -> text.insert(text.length() - 1, json);
        case ChatPart.Broken(_, _, var rest) -> text.append("{").append(rest).append("}");
      }
      previous = part;
    }
    return text.toString();
  }

  /// The result, which must be the same however the text is cut.
  private static String parsed(Supplier<ChatParser> parser, String text) {
    String whole = parts(parser, List.of(text));
    for (int i = 0; i <= text.length(); i++) {
      for (int j = i; j <= text.length(); j++) {
        var pieces = List.of(text.substring(0, i), text.substring(i, j), text.substring(j));
        assertThat(parts(parser, pieces)).as("%s", pieces).isEqualTo(whole);
      }
    }
    var random = new SplittableRandom(7);
    for (int round = 0; round < 50; round++) {
      var pieces = new ArrayList<String>();
      for (int from = 0; from < text.length(); ) {
        int to = Math.min(text.length(), from + 1 + random.nextInt(round == 0 ? 1 : 9));
        pieces.add(text.substring(from, to));
        from = to;
      }
      assertThat(parts(parser, pieces)).as("%s", pieces).isEqualTo(whole);
    }
    return whole;
  }

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '`',
      delimiter = '→',
      value = {
        "Hello <tool> < world → Hello <tool> < world",
        "<tool_call>\\n{\"name\": \"add\", \"arguments\": {\"a\": 1}}\\n</tool_call> → [0 add|{\"a\": 1}]",
        "One moment.\\n<tool_call>{\"name\":\"add\",\"arguments\":{}}</tool_call> → One moment.[0 add|{}]",
        "<tool_call>{\"name\":\"add\"}</tool_call>\\n<tool_call>{\"name\":\"weather\"}</tool_call> → [0 add|{}][1 weather|{}]",
        "<tool_call>{\"arguments\": {\"a\": [1, {\"b\": \"}\\\\\"\"}]}, \"name\": \"add\"}</tool_call> → [0 add|{\"a\": [1, {\"b\": \"}\\\\\"\"}]}]",
        "<tool_call>{\"name\":\"add\",\"arguments\":\"{\\\\\"a\\\\\":1}\"}</tool_call> → [0 add|{\"a\":1}]",
        "<tool_call>{\"name\":\"add\",\"arguments\":{\"a\":1}} → [0 add|{\"a\":1}]",
        "<tool_call>{\"name\":\"add\",\"arguments\":{\"a\":1}}\\n</tool → [0 add|{\"a\":1}]",
        "<tool_call>{\"name\":\"add\"}</tool_call>\\n<tool → [0 add|{}]",
        "One moment.<tool → One moment.<tool",
        "<tool_call>{\"name\":\"add\",\"arguments\":{\"a\":1}}</tool_call> done → [0 add|{\"a\":1}] done",
        "<tool_call>{\"name\":\"add\",\"arguments\":{\"a\":1}} done → [0 add|{\"a\":1}] done",
        "<tool_call>{\"name\":\"add\",\"arguments\":{\"a\": → [0 add|{\"a\":]",
        "<tool_call>{\"name\":\"ad → <tool_call>{\"name\":\"ad",
        "<tool_call>{\"name\":\"unknown\",\"arguments\":{}}</tool_call> → <tool_call>{\"name\":\"unknown\",\"arguments\":{}}</tool_call>",
        "<tool_call>add(1)</tool_call> → <tool_call>add(1)</tool_call>",
        "<tool_call>{\"name\":\"add\",\"arguments\":[1]}</tool_call>! → <tool_call>{\"name\":\"add\",\"arguments\":[1]}</tool_call>!",
        "<tool_call>{\"name\":\"add\",\"arguments\":{\"a\":1]}</tool_call> → [0 add|{\"a\":1]{}]}</tool_call>",
        "<tool_call>{\"name\":\"add\",\"arguments\":{\"a\" 1}}</tool_call> → [0 add|{\"a\" 1]{}}}</tool_call>",
        "<tool_call>{\"name\":\"add\",\"arguments\":{},\"more\":1}</tool_call> → [0 add|{}]{,\"more}\":1}</tool_call>",
        "a <tool_<tool_call>{\"name\":\"add\"}</tool_call> → a <tool_[0 add|{}]",
      })
  void hermesCallsAreFoundHoweverTheTextIsCut(String text, String expected) {
    assertThat(parsed(() -> new HermesParser(TOOLS::contains), lines(text)))
        .isEqualTo(lines(expected));
  }

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '`',
      delimiter = '→',
      value = {
        "It is { \"name\": \"add\" } → It is { \"name\": \"add\" }",
        "{\"name\": \"add\", \"parameters\": {\"a\": 1}} → [0 add|{\"a\": 1}]",
        "\\n{\"type\": \"function\", \"name\": \"add\", \"parameters\": {}} → [0 add|{}]",
        "{\"name\":\"add\"}; {\"name\":\"weather\",\"parameters\":{\"p\":\"x\"}} → [0 add|{}][1 weather|{\"p\":\"x\"}]",
        "<|python_tag|>{\"name\":\"add\",\"parameters\":{}} → [0 add|{}]",
        "Let me see.<|python_tag|>{\"name\":\"add\"} → Let me see.[0 add|{}]",
        "<|python_tag|>print(1) → <|python_tag|>print(1)",
        "{\"temperature\": 3} → {\"temperature\": 3}",
        "{\"name\":\"add\",\"parameters\":{}} and so on → [0 add|{}] and so on",
        "{\"name\":\"add\",\"parameters\":{\"a\": → [0 add|{\"a\":]",
        "<|python_ → <|python_",
        "{\"na → {\"na",
      })
  void llamaCallsAreFoundHoweverTheTextIsCut(String text, String expected) {
    assertThat(parsed(() -> new LlamaParser(TOOLS::contains), lines(text)))
        .isEqualTo(lines(expected));
  }

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '`',
      delimiter = '→',
      value = {
        "false → <think>\\nHm.\\n</think>\\n\\nYes. → (Hm.)Yes.",
        "true → \\nHm. <b> </think>Yes. → (Hm. <b>)Yes.",
        "false → Yes <think>no</think> → Yes <think>no</think>",
        "false → <think></think>Yes → Yes",
        "false → <think>Hm</thin → (Hm</thin)",
        "false → <thin → <thin",
        "false → <think>Hm</think><tool_call>{\"name\":\"add\"}</tool_call> → (Hm)[0 add|{}]",
      })
  void thoughtsAreToldFromAnswers(boolean opened, String text, String expected) {
    assertThat(
            parsed(() -> new ThoughtParser(opened, new HermesParser(TOOLS::contains)), lines(text)))
        .isEqualTo(lines(expected));
  }

  @Test
  void aCallThatBreaksTellsItsWholeText() {
    var all = new ArrayList<ChatPart>();
    new HermesParser(TOOLS::contains)
        .push("<tool_call>{\"name\":\"add\",\"arguments\":{\"a\":]", all::add);

    assertThat(all)
        .contains(new ChatPart.Broken(0, "<tool_call>{\"name\":\"add\",\"arguments\":{\"a\":", ""));
  }

  @Test
  void argumentsGoOutWhileTheyCome() {
    var all = new ArrayList<ChatPart>();
    var parser = new HermesParser(TOOLS::contains);

    parser.push("<tool_call>{\"name\": \"add\", \"arguments\": {\"a", all::add);

    assertThat(all)
        .containsExactly(new ChatPart.CallStart(0, "add"), new ChatPart.Arguments(0, "{\"a"));
  }

  private static String lines(String text) {
    return text.replace("\\n", "\n").replace("\\\\", "\\");
  }
}
