package io.dejavu.api;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonGenerator;

/// A choice of `/v1/chat/completions`: its `message`, or the `delta`s of a stream.
final class ChatForm implements ChoiceForm {
  private final ChatParser parser;
  private final @Nullable ThoughtParser thoughts;
  private final ChatAnswer answer;
  private final Supplier<String> callIds;

  // What was not written yet; adjacent parts of a kind are joined.
  private final Deque<Piece> pieces = new ArrayDeque<>();
  private boolean introduced;

  private int calls;
  private int reasoning;

  /// Text that grows, of one kind.
  private record Piece(ChatPart part, StringBuilder text) {}

  /// @param parser of the text
  /// @param thoughts what of the parser tells thoughts from answers, if anything
  /// @param callIds gives each tool call its id
  ChatForm(
      ChatAnswer answer,
      ChatParser parser,
      @Nullable ThoughtParser thoughts,
      Supplier<String> callIds) {
    this.answer = answer;
    this.parser = parser;
    this.thoughts = thoughts;
    this.callIds = callIds;
  }

  @Override
  public void text(String piece) {
    parser.push(piece, this::add);
  }

  @Override
  public void token() {
    if (thoughts != null && thoughts.thinking()) {
      reasoning++;
    }
  }

  @Override
  public int reasoning() {
    return reasoning;
  }

  @Override
  public String end(String reason) {
    parser.end(this::add);
    if (calls == 0 || !reason.equals("stop") || answer.forced()) {
      return reason; // OpenAI says "stop" where the client named the function
    }
    return answer.legacy() ? "function_call" : "tool_calls";
  }

  private void add(ChatPart part) {
    switch (part) {
      case ChatPart.Content(var text) -> append(part, text);
      case ChatPart.Thought(var text) -> append(part, text);
      case ChatPart.Arguments(_, var json) -> append(part, json);
      case ChatPart.CallStart _ -> {
        calls++;
        append(part, "");
      }
      case ChatPart.Broken(_, _, var rest) -> {
        calls--;
        append(part, rest);
      }
    }
  }

  private void append(ChatPart part, String text) {
    var last = pieces.peekLast();
    if (last != null && last.part.getClass() == part.getClass()) {
      last.text.append(text);
    } else {
      pieces.add(new Piece(part, new StringBuilder(text)));
    }
  }

  @Override
  public boolean fresh() {
    return !introduced || !pieces.isEmpty();
  }

  @Override
  public boolean last() {
    return introduced && pieces.isEmpty();
  }

  @Override
  public void chunk(JsonGenerator json) {
    json.writeObjectPropertyStart("delta");
    if (!introduced) {
      json.writeStringProperty("role", "assistant");
      json.writeStringProperty("content", "");
      introduced = true;
    } else {
      var piece = pieces.poll();
      if (piece != null) {
        delta(json, piece);
      }
    }
    json.writeEndObject();
  }

  private void delta(JsonGenerator json, Piece piece) {
    switch (piece.part) {
      // The client has a part of the call already; it gets the rest as text.
      case ChatPart.Content _, ChatPart.Broken _ ->
          json.writeStringProperty("content", piece.text.toString());
      case ChatPart.Thought _ ->
          json.writeStringProperty("reasoning_content", piece.text.toString());
      case ChatPart.CallStart(int call, var tool) -> call(json, call, tool, "", true);
      case ChatPart.Arguments(int call, _) -> call(json, call, null, piece.text.toString(), true);
    }
  }

  @Override
  public void whole(JsonGenerator json) {
    var content = new StringBuilder();
    var thought = new StringBuilder();
    var found = new ArrayList<Call>();
    for (var piece : pieces) {
      switch (piece.part) {
        case ChatPart.Content _ -> content.append(piece.text);
        case ChatPart.Thought _ -> thought.append(piece.text);
        case ChatPart.CallStart(_, var tool) -> found.add(new Call(tool, new StringBuilder()));
        case ChatPart.Arguments _ -> found.getLast().arguments.append(piece.text);
        case ChatPart.Broken(_, var text, _) -> {
          found.removeLast();
          content.append(text);
        }
      }
    }
    json.writeObjectPropertyStart("message");
    json.writeStringProperty("role", "assistant");
    json.writeStringProperty(
        "content", content.isEmpty() && !found.isEmpty() ? null : content.toString());
    json.writeNullProperty("refusal");
    if (thoughts != null) {
      json.writeStringProperty("reasoning_content", thought.isEmpty() ? null : thought.toString());
    }
    calls(json, found);
    json.writeEndObject();
  }

  private record Call(String tool, StringBuilder arguments) {}

  private void calls(JsonGenerator json, List<Call> found) {
    if (found.isEmpty()) {
      return;
    }
    if (answer.legacy()) {
      var only = found.getFirst();
      call(json, 0, only.tool, only.arguments.toString(), false);
      return;
    }
    json.writeArrayPropertyStart("tool_calls");
    for (int i = 0; i < found.size(); i++) {
      var call = found.get(i);
      json.writeStartObject();
      entry(json, call.tool, call.arguments.toString());
      json.writeEndObject();
    }
    json.writeEndArray();
  }

  /// A field with one call, or a piece of one.
  ///
  /// @param tool null where it goes on
  private void call(
      JsonGenerator json, int index, @Nullable String tool, String arguments, boolean indexed) {
    if (answer.legacy()) {
      function(json, "function_call", tool, arguments);
      return;
    }
    json.writeArrayPropertyStart("tool_calls");
    json.writeStartObject();
    if (indexed) {
      json.writeNumberProperty("index", index);
    }
    entry(json, tool, arguments);
    json.writeEndObject();
    json.writeEndArray();
  }

  private void entry(JsonGenerator json, @Nullable String tool, String arguments) {
    if (tool != null) {
      json.writeStringProperty("id", callIds.get());
      json.writeStringProperty("type", "function");
    }
    function(json, "function", tool, arguments);
  }

  private static void function(
      JsonGenerator json, String field, @Nullable String tool, String arguments) {
    json.writeObjectPropertyStart(field);
    if (tool != null) {
      json.writeStringProperty("name", tool);
    }
    json.writeStringProperty("arguments", arguments);
    json.writeEndObject();
  }
}
