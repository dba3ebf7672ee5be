package io.dejavu.local;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// One message of a chat, as the model's chat template sees it.
///
/// @param role such as `system`, `user` or `assistant`
/// @param content text
/// @param more keys that the template knows beside these, such as `name` or `tool_call_id`
public record ChatMessage(String role, String content, Map<String, ?> more) {
  public ChatMessage {
    more = Map.copyOf(more);
  }

  public ChatMessage(String role, String content) {
    this(role, content, Map.of());
  }

  /// What the model is to be.
  public static ChatMessage system(String content) {
    return new ChatMessage("system", content);
  }

  /// What a person says.
  public static ChatMessage user(String content) {
    return new ChatMessage("user", content);
  }

  /// What the model said before.
  public static ChatMessage assistant(String content) {
    return new ChatMessage("assistant", content);
  }

  Map<String, @Nullable Object> variables() {
    var variables = new LinkedHashMap<String, @Nullable Object>();
    variables.put("role", role);
    variables.put("content", content);
    variables.putAll(more);
    return variables;
  }
}
