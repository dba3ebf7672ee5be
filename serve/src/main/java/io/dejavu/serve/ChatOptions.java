package io.dejavu.serve;

import static java.lang.System.Logger.Level.WARNING;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.dejavu.api.ChatFormat;
import io.dejavu.api.ToolCallStyle;
import io.dejavu.local.LoadedModel;
import io.dejavu.model.Checkpoint;
import io.dejavu.template.ChatTemplate;
import io.dejavu.template.TemplateException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// How the model chats: what of it the checkpoint does not say, or says wrongly.
final class ChatOptions {
  private static final System.Logger LOG = System.getLogger(ChatOptions.class.getName());

  @Option(
      names = "--chat-template",
      paramLabel = "FILE",
      description =
          "Template (Jinja) that makes prompts of chats. Default: the checkpoint's own; without one,"
              + " /v1/chat/completions is refused.")
  @Nullable Path template;

  @Option(
      names = "--tool-call-parser",
      paramLabel = "STYLE",
      description =
          "How the model writes tool calls: hermes (Qwen and many others), llama3_json, none (tools"
              + " are refused) or auto (by the template). Default: auto.")
  String toolCallParser = "auto";

  @Option(
      names = "--reasoning-parser",
      paramLabel = "STYLE",
      description =
          "Whether answers begin with thoughts (think tags), which become reasoning_content: think, none"
              + " or auto (by the template). Default: auto.")
  String reasoningParser = "auto";

  /// What is wrong with the options, before anything is loaded.
  ///
  /// @throws IllegalArgumentException in words for the user
  void check() {
    if (!List.of("auto", "hermes", "llama3_json", "none").contains(toolCallParser)) {
      throw new IllegalArgumentException(
          "--tool-call-parser is %s, must be auto, hermes, llama3_json or none"
              .formatted(toolCallParser));
    }
    if (!List.of("auto", "think", "none").contains(reasoningParser)) {
      throw new IllegalArgumentException(
          "--reasoning-parser is %s, must be auto, think or none".formatted(reasoningParser));
    }
    if (template != null) {
      parse(read(template), template.toString());
    }
  }

  /// Null if the model does not chat.
  @Nullable ChatFormat format(LoadedModel model) {
    var checkpoint = model.source().checkpoint();
    if (checkpoint == null) {
      return null;
    }
    if (template != null) {
      String source = read(template);
      return format(checkpoint, source, parse(source, template.toString()), null);
    }
    String source = checkpoint.chatTemplate();
    if (source == null) {
      return null;
    }
    String withTools = checkpoint.chatTemplate("tool_use");
    try {
      return format(
          checkpoint,
          source,
          ChatTemplate.parse(source, "chat_template"),
          withTools == null ? null : ChatTemplate.parse(withTools, "chat_template tool_use"));
    } catch (TemplateException e) {
      LOG.log(
          WARNING,
          "{0} has a chat template that cannot be used, and does not chat: {1}",
          checkpoint.directory(),
          e.getMessage());
      return null;
    }
  }

  private ChatFormat format(
      Checkpoint checkpoint, String source, ChatTemplate plain, @Nullable ChatTemplate withTools) {
    var style =
        switch (toolCallParser) {
          case "none" -> null;
          case "auto" -> ToolCallStyle.of(source);
          default -> ToolCallStyle.valueOf(toolCallParser.toUpperCase(Locale.ROOT));
        };
    boolean thinks =
        reasoningParser.equals("think")
            || (reasoningParser.equals("auto") && source.contains("</think>"));
    return new ChatFormat(
        plain,
        withTools,
        source,
        checkpoint.specialTokens(),
        checkpoint.generation().stopStrings(),
        style,
        thinks);
  }

  private static ChatTemplate parse(String source, String name) {
    try {
      return ChatTemplate.parse(source, name);
    } catch (TemplateException e) {
      throw new IllegalArgumentException("--chat-template: " + e.getMessage(), e);
    }
  }

  private static String read(Path file) {
    try {
      return Files.readString(file, UTF_8);
    } catch (IOException e) {
      throw new IllegalArgumentException(
          "--chat-template: %s cannot be read: %s".formatted(file, e.getMessage()), e);
    }
  }
}
