package io.dejavu.api;

import io.dejavu.model.Tokenizer;
import io.dejavu.template.ChatTemplate;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// How a model chats: the template that makes a prompt of messages, and what its answers look like.
///
/// @param template of chats
/// @param toolTemplate of chats with tools; null: the same
/// @param source of the template, for what it gives away about the model
/// @param specialTokens by the names that templates use for them, such as `bos_token`
/// @param stops texts that end an answer; not part of it
/// @param tools how it writes tool calls; null: they are not looked for, and tools are refused
/// @param thinks whether answers may begin with `<think>…</think>`
public record ChatFormat(
    ChatTemplate template,
    @Nullable ChatTemplate toolTemplate,
    String source,
    Map<String, String> specialTokens,
    List<String> stops,
    @Nullable ToolCallStyle tools,
    boolean thinks) {
  public ChatFormat {
    specialTokens = Map.copyOf(specialTokens);
    stops = List.copyOf(stops);
  }

  /// Tokens of which answers are made though they are special.
  Set<Integer> spoken(Tokenizer tokenizer) {
    var ids = new HashSet<Integer>();
    if (tools != null) {
      tools.tags.forEach(tag -> ids.add(tokenizer.id(tag)));
    }
    if (thinks) {
      ids.add(tokenizer.id(ThoughtParser.BEGIN));
      ids.add(tokenizer.id(ThoughtParser.END));
    }
    ids.removeIf(id -> id < 0 || !tokenizer.isSpecial(id));
    return Set.copyOf(ids);
  }
}
