package io.dejavu.local;

import io.dejavu.model.Checkpoint;
import io.dejavu.template.ChatTemplate;
import io.dejavu.template.TemplateException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// How a checkpoint chats: its template, parsed, and what that calls its special tokens.
///
/// @param template that makes a prompt of messages
/// @param specialTokens by the names that templates use for them, such as `bos_token`
/// @param stops texts that end an answer
record CheckpointChat(
    ChatTemplate template, Map<String, String> specialTokens, List<String> stops) {
  /// @throws TemplateException if its template is none
  /// @throws UnsupportedOperationException if it has none
  static CheckpointChat of(@Nullable Checkpoint checkpoint) {
    String source = checkpoint == null ? null : checkpoint.chatTemplate();
    if (checkpoint == null || source == null) {
      throw new UnsupportedOperationException("the model has no chat template");
    }
    return new CheckpointChat(
        ChatTemplate.parse(source, "chat_template"),
        checkpoint.specialTokens(),
        checkpoint.generation().stopStrings());
  }

  String prompt(List<ChatMessage> messages) {
    var variables = new HashMap<String, @Nullable Object>(specialTokens);
    variables.put("messages", messages.stream().map(ChatMessage::variables).toList());
    variables.put("tools", null);
    variables.put("documents", null);
    variables.put("add_generation_prompt", true);
    return template.render(variables);
  }
}
