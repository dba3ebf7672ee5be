package io.dejavu.api;

import io.dejavu.template.ChatTemplate;
import io.dejavu.template.TemplateException;
import io.dejavu.template.TemplateRefusal;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// The messages of a chat as the text that the model's chat template makes of them.
///
/// @param continued the content of the last message if the text ends within it, else empty
record ChatPrompt(ChatFormat format, ChatTools tools, String text, String continued) {
  /// Reads `messages` and all fields that say how they are written.
  ///
  /// @throws HttpError with what the client has to change
  static ChatPrompt read(JsonFields fields, ServedModel model) {
    if (fields.has("chat_template")) {
      throw HttpError.unsupported(
          "chat_template",
          "templates in requests are not run; the server's --chat-template names another one");
    }
    var format = format(model);
    var messages = ChatMessages.of(format.source()).read(fields);
    var tools = ChatTools.of(fields, format);
    boolean continues = fields.flag("continue_final_message", false);
    return new ChatPrompt(
        format,
        tools.tools(),
        render(fields, format, messages, tools.shown(), continues),
        continues ? lastContent(messages) : "");
  }

  private static ChatFormat format(ServedModel model) {
    var format = model.chat();
    if (format == null) {
      throw HttpError.unsupported(
          "messages",
          "model \"%s\" has no chat template, and the server was started without --chat-template;"
                  .formatted(model.name())
              + " /v1/completions works");
    }
    return format;
  }

  private static String render(
      JsonFields fields,
      ChatFormat format,
      List<Map<String, @Nullable Object>> messages,
      @Nullable List<Map<String, @Nullable Object>> tools,
      boolean continues) {
    boolean prompted = fields.flag("add_generation_prompt", !continues);
    if (continues && prompted) {
      throw HttpError.invalid(
          "continue_final_message",
          "continue_final_message and add_generation_prompt exclude each other");
    }
    var variables = new HashMap<String, @Nullable Object>(format.specialTokens());
    String effort = fields.text("reasoning_effort");
    if (effort != null) {
      variables.put("reasoning_effort", effort);
    }
    if (fields.has("chat_template_kwargs")) {
      var more = fields.object("chat_template_kwargs").object();
      more.properties()
          .forEach(entry -> variables.put(entry.getKey(), Json.plain(entry.getValue())));
    }
    JsonNode documents = fields.get("documents");
    if (documents != null && !documents.isArray()) {
      throw JsonFields.wrongType("documents", "a list of documents", documents);
    }
    variables.put("documents", documents == null ? null : Json.plain(documents));
    variables.put("messages", messages);
    variables.put("tools", tools);
    variables.put("add_generation_prompt", prompted);
    ChatTemplate withTools = format.toolTemplate();
    var template = tools == null || withTools == null ? format.template() : withTools;
    String rendered = render(template, variables);
    return continues ? upTo(rendered, lastContent(messages)) : rendered;
  }

  private static String render(ChatTemplate template, Map<String, @Nullable Object> variables) {
    try {
      return template.render(variables);
    } catch (TemplateRefusal e) {
      throw HttpError.invalid("messages", "the chat template says: " + e.reason());
    } catch (TemplateException e) {
      throw HttpError.invalid(
          "messages", "the chat template cannot render this: " + e.getMessage());
    }
  }

  /// The prompt without what the template writes after the last message.
  private static String upTo(String rendered, String last) {
    String core = last.strip();
    int at = rendered.lastIndexOf(core);
    if (at < 0 || core.isEmpty()) {
      throw HttpError.invalid(
          "continue_final_message", "the last message is not in the prompt, or is empty");
    }
    String whole = last.stripLeading(); // with the white space at its end, if the template keeps it
    return rendered.substring(0, at) + (rendered.startsWith(whole, at) ? whole : core);
  }

  private static String lastContent(List<Map<String, @Nullable Object>> messages) {
    return String.valueOf(messages.getLast().get("content"));
  }
}
