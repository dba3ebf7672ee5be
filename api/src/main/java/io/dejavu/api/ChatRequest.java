package io.dejavu.api;

import io.dejavu.template.ChatTemplate;
import io.dejavu.template.TemplateException;
import io.dejavu.template.TemplateRefusal;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Reads a request to `/v1/chat/completions`: its messages become a prompt by the model's chat
/// template.
final class ChatRequest {
  private static final Set<String> UNSUPPORTED =
      Set.of(
          "audio",
          "prediction",
          "web_search_options",
          "mm_processor_kwargs",
          "truncate_prompt_tokens",
          "logits_processors",
          "bad_words",
          "allowed_token_ids",
          "length_penalty",
          "use_beam_search");

  private ChatRequest() {}

  static CompletionRequest read(ObjectNode body, CompletionRequest.Limits limits)
      throws InterruptedException {
    var fields = new JsonFields(body);
    CompletionRequest.refuse(fields, UNSUPPORTED);
    var model = limits.model();
    CompletionRequest.checkModel(fields, model);
    checkIgnored(fields);
    var format = format(model);
    int n = fields.integer("n", 1, 1, limits.maxSequences());
    var messages = ChatMessages.of(format.source()).read(fields);
    var tools = ChatTools.of(fields, format);
    boolean continues = fields.flag("continue_final_message", false);
    String rendered = render(fields, format, messages, tools.shown(), continues);
    var prompts =
        List.of(
            Prompt.ofText("messages", rendered, limits, fields.flag("add_special_tokens", false)));
    int maxTokens =
        CompletionRequest.maxTokens(
            fields,
            List.of("max_completion_tokens", "max_tokens"),
            "messages",
            prompts,
            limits.maxContext(),
            Integer.MAX_VALUE);
    var tokenizer = model.tokenizer();
    boolean opened = format.thinks() && rendered.stripTrailing().endsWith(ThoughtParser.BEGIN);
    var rule =
        new AnswerRule(
            AnswerShape.of(fields), tools.tools(), format.tools(), format.thinks(), opened);
    return CompletionRequest.of(
        fields,
        limits,
        prompts,
        n,
        maxTokens,
        Reporting.of(fields, model, logprobs(fields), false),
        rule,
        new ChatAnswer(
            fields.flag("echo", false) && continues ? lastContent(messages) : "",
            tokenizer == null ? Set.of() : format.spoken(tokenizer),
            rule.isFree() ? format.stops() : List.of(),
            tools.tools(),
            format.tools(),
            format.thinks(),
            opened,
            serviceTier(fields),
            limits.seeds()));
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

  /// Fields without an effect here still have to be what they should be.
  private static void checkIgnored(JsonFields fields) {
    for (String name : List.of("user", "safety_identifier", "prompt_cache_key", "verbosity")) {
      fields.text(name);
    }
    fields.flag("store", false);
    if (fields.has("metadata")) {
      fields.object("metadata");
    }
    JsonNode modalities = fields.get("modalities");
    if (modalities != null) {
      if (!modalities.isArray()) {
        throw JsonFields.wrongType("modalities", "a list", modalities);
      }
      for (JsonNode modality : modalities) {
        if (!"text".equals(modality.stringValue(""))) {
          throw HttpError.unsupported("modalities", "only text is supported");
        }
      }
    }
    if (fields.has("chat_template")) {
      throw HttpError.unsupported(
          "chat_template",
          "templates in requests are not run; the server's --chat-template names another one");
    }
  }

  private static @Nullable String serviceTier(JsonFields fields) {
    String tier = fields.text("service_tier");
    if (tier == null) {
      return null;
    }
    if (!Set.of("auto", "default", "flex", "scale", "priority").contains(tier)) {
      throw HttpError.invalid(
          "service_tier",
          "service_tier is \"%s\", must be auto, default, flex, scale or priority"
              .formatted(JsonFields.brief(tier)));
    }
    return "default";
  }

  /// Likeliest tokens reported beside each; -1: no logprobs.
  private static int logprobs(JsonFields fields) {
    boolean wanted = fields.flag("logprobs", false);
    int top = fields.integer("top_logprobs", 0, 0, Reporting.MAX_LOGPROBS);
    if (!wanted && top > 0) {
      throw HttpError.invalid("top_logprobs", "top_logprobs needs logprobs to be true");
    }
    return wanted ? top : -1;
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
