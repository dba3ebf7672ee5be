package io.dejavu.api;

import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// One tool call as models write it, `{"name": "…", "arguments": {…}}`, read character by
/// character. As soon as the name is known, the arguments go out while they come. `parameters` is
/// another word for `arguments`; the keys may come in any order.
final class CallObject {
  private static final Set<String> ARGUMENTS = Set.of("arguments", "parameters");
  private static final Set<String> IGNORED = Set.of("type", "id");

  enum State {
    /// More is to come.
    OPEN,
    /// The last `}` was taken.
    COMPLETE,
    /// This is no call; the character that shows it was not taken.
    BROKEN
  }

  /// What is expected at the outermost level of the object.
  private enum At {
    BRACE,
    KEY,
    COLON,
    VALUE,
    COMMA
  }

  private final int call;
  private final Predicate<String> known;
  private final StringBuilder raw = new StringBuilder();
  private State state = State.OPEN;
  private At at = At.BRACE;

  // Within a value (or key): brackets open in it, as characters; whether in a string.
  private final StringBuilder open = new StringBuilder();
  private boolean string;
  private boolean escaped;
  private int begin = -1;

  private String key = "";
  private @Nullable String name;
  private @Nullable String arguments;
  private boolean started;

  /// How much of `raw` has gone out as arguments, or would have.
  private int sent;

  /// @param call counts the calls of the answer
  /// @param known tells names of tools
  CallObject(int call, Predicate<String> known) {
    this.call = call;
    this.known = known;
  }

  State state() {
    return state;
  }

  /// Whether parts went out: it counts as a call even if it is never complete.
  boolean started() {
    return started;
  }

  /// All characters taken.
  String raw() {
    return raw.toString();
  }

  /// Of the characters taken, those that were in no part.
  String unsent() {
    return raw.substring(Math.min(sent, raw.length()));
  }

  /// Takes characters as long as it is open.
  ///
  /// @param from index of the first one
  /// @return the index after the last one that was taken
  int push(String text, int from, Consumer<ChatPart> out) {
    int i = from;
    while (i < text.length() && state == State.OPEN) {
      raw.append(text.charAt(i));
      if (take(text.charAt(i), out)) {
        i++;
      } else {
        raw.setLength(raw.length() - 1);
        state = State.BROKEN;
      }
    }
    if (streams()) { // if it broke here: what was taken has gone out, however it was cut
      send(raw.length(), out);
    }
    return i;
  }

  private boolean take(char c, Consumer<ChatPart> out) {
    if (begin >= 0) {
      return inside(c, out);
    }
    if (c == ' ' || c == '\n' || c == '\r' || c == '\t') {
      return true;
    }
    return switch (at) {
      case BRACE -> c == '{' && go(At.KEY);
      case KEY -> c == '"' ? opens(c) : c == '}' && key.isEmpty() && close(out);
      case COLON -> c == ':' && go(At.VALUE);
      case VALUE -> opens(c);
      case COMMA -> c == ',' ? go(At.KEY) : c == '}' && close(out);
    };
  }

  private boolean go(At next) {
    at = next;
    return true;
  }

  /// The first character of a key or value.
  private boolean opens(char c) {
    begin = raw.length() - 1;
    if (c == '"') {
      string = true;
    } else if (c == '{' || c == '[') {
      open.append(c);
    } else if (!scalar(c)) {
      return false;
    }
    if (at == At.VALUE && ARGUMENTS.contains(key)) {
      sent = begin;
    }
    return true;
  }

  private static boolean scalar(char c) {
    return c >= '0' && c <= '9'
        || c >= 'a' && c <= 'z'
        || c == '-'
        || c == '+'
        || c == '.'
        || c == 'E';
  }

  private boolean inside(char c, Consumer<ChatPart> out) {
    if (string) {
      if (escaped) {
        escaped = false;
      } else if (c == '\\') {
        escaped = true;
      } else if (c == '"') {
        string = false;
        return !open.isEmpty() || ends(raw.length(), out);
      }
      return c >= ' ';
    }
    if (open.isEmpty()) { // a number, true, false or null
      return scalar(c) || (ends(raw.length() - 1, out) && take(c, out));
    }
    switch (c) {
      case '"' -> string = true;
      case '{', '[' -> open.append(c);
      case '}', ']' -> {
        if (open.charAt(open.length() - 1) != (c == '}' ? '{' : '[')) {
          return false;
        }
        open.setLength(open.length() - 1);
        return !open.isEmpty() || ends(raw.length(), out);
      }
      default -> {
        return scalar(c) || " \n\r\t,:".indexOf(c) >= 0;
      }
    }
    return true;
  }

  /// A key or value is complete.
  private boolean ends(int end, Consumer<ChatPart> out) {
    String value = raw.substring(begin, end);
    JsonNode node = Json.valueOrNull(value);
    boolean streamed = streams();
    if (node == null) {
      return false;
    }
    begin = -1;
    if (at == At.KEY) {
      key = node.stringValue("");
      return (key.equals("name") || ARGUMENTS.contains(key) || IGNORED.contains(key))
          && go(At.COLON);
    }
    at = At.COMMA;
    if (key.equals("name")) {
      return named(node, out);
    }
    if (ARGUMENTS.contains(key)) {
      return argued(node, value, streamed, end, out);
    }
    return true;
  }

  private boolean named(JsonNode node, Consumer<ChatPart> out) {
    if (name != null || !node.isString() || !known.test(node.stringValue())) {
      return false;
    }
    name = node.stringValue();
    if (arguments != null) {
      start(out);
      out.accept(new ChatPart.Arguments(call, arguments));
    }
    return true;
  }

  private boolean argued(
      JsonNode node, String value, boolean streamed, int end, Consumer<ChatPart> out) {
    if (arguments != null) {
      return false;
    }
    if (streamed) {
      send(end, out);
      arguments = value;
      return true;
    }
    if (node.isString()) { // some write the object as a string
      value = node.stringValue();
      node = Json.valueOrNull(value);
    }
    if (node == null || !(node.isObject() || node.isNull())) {
      return false;
    }
    arguments = node.isNull() ? "{}" : value;
    sent = end;
    if (name != null) {
      start(out);
      out.accept(new ChatPart.Arguments(call, arguments));
    }
    return true;
  }

  private boolean close(Consumer<ChatPart> out) {
    if (name == null) {
      return false;
    }
    if (arguments == null) {
      start(out);
      out.accept(new ChatPart.Arguments(call, "{}"));
    }
    state = State.COMPLETE;
    return true;
  }

  /// Whether the value that is open goes out while it comes.
  private boolean streams() {
    return begin >= 0
        && at == At.VALUE
        && name != null
        && arguments == null
        && ARGUMENTS.contains(key)
        && raw.charAt(begin) == '{';
  }

  private void send(int end, Consumer<ChatPart> out) {
    start(out);
    if (sent < end) {
      out.accept(new ChatPart.Arguments(call, raw.substring(sent, end)));
      sent = end;
    }
  }

  private void start(Consumer<ChatPart> out) {
    if (!started && name != null) {
      started = true;
      out.accept(new ChatPart.CallStart(call, name));
    }
  }
}
