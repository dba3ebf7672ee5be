package io.dejavu.api;

import io.dejavu.model.Tokenizer;
import io.helidon.webserver.http.ServerResponse;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// `POST /tokenize` and `/detokenize`, as vLLM has them: what a text costs, without computing it.
final class TokenLists {
  private TokenLists() {}

  /// A text's tokens.
  ///
  /// @param maxContext of the model; a text may well be longer
  record Tokenized(ServedModel model, int maxContext, int[] ids, boolean strings) {}

  /// @throws HttpError with what the client has to change
  static Tokenized tokenize(ObjectNode body, CompletionRequest.Limits limits)
      throws InterruptedException {
    var fields = new JsonFields(body);
    var model = limits.model();
    var tokenizer = tokenizer(fields, model);
    var text = text(fields, limits);
    int[] ids =
        limits
            .encoder()
            .encode(
                tokenizer, text.text, fields.flag("add_special_tokens", text.wantsSpecialTokens));
    return new Tokenized(model, limits.maxContext(), ids, fields.flag("return_token_strs", false));
  }

  /// What is to be tokenized.
  ///
  /// @param wantsSpecialTokens unless the request says otherwise: templates write their own
  private record Text(String text, boolean wantsSpecialTokens) {}

  private static Text text(JsonFields fields, CompletionRequest.Limits limits) {
    String prompt = fields.text("prompt");
    if (prompt != null && fields.has("messages")) {
      throw HttpError.invalid("messages", "prompt and messages exclude each other");
    }
    if (prompt == null && !fields.has("messages")) {
      throw new HttpError(
          400,
          "invalid_request_error",
          "prompt is missing, or messages of a chat",
          "prompt",
          "missing_required_parameter");
    }
    String field = prompt == null ? "messages" : "prompt";
    String text = prompt == null ? ChatPrompt.read(fields, limits.model()).text() : prompt;
    if (Prompt.halfSurrogate(text)) {
      throw HttpError.invalid(field, field + " contains half of a surrogate pair");
    }
    return new Text(text, prompt != null);
  }

  static void answer(Tokenized tokenized, Arrivals arrivals, ServerResponse response) {
    Bodies.send(
        response,
        200,
        Json.bytes(
            json -> {
              json.writeStartObject();
              json.writeNumberProperty("count", tokenized.ids.length);
              json.writeNumberProperty("max_model_len", tokenized.maxContext);
              json.writeArrayPropertyStart("tokens");
              for (int id : tokenized.ids) {
                json.writeNumber(id);
              }
              json.writeEndArray();
              var tokenizer = tokenized.model.tokenizer();
              if (tokenized.strings && tokenizer != null) {
                json.writeArrayPropertyStart("token_strs");
                for (int id : tokenized.ids) {
                  json.writeString(tokenizer.token(id));
                }
                json.writeEndArray();
              } else {
                json.writeNullProperty("token_strs");
              }
              json.writeEndObject();
            }));
  }

  /// The text of tokens.
  ///
  /// @throws HttpError with what the client has to change
  static String detokenize(ObjectNode body, CompletionRequest.Limits limits) {
    var fields = new JsonFields(body);
    var model = limits.model();
    var tokenizer = tokenizer(fields, model);
    JsonNode node = fields.get("tokens");
    if (node == null) {
      throw HttpError.missing("tokens");
    }
    var ids =
        fields.ids("tokens", Integer.MAX_VALUE, model.vocabulary()).stream()
            .mapToInt(Integer::intValue)
            .toArray();
    return tokenizer.decode(ids, false);
  }

  static void answer(String text, Arrivals arrivals, ServerResponse response) {
    Bodies.send(
        response,
        200,
        Json.bytes(
            json -> {
              json.writeStartObject();
              json.writeStringProperty("prompt", text);
              json.writeEndObject();
            }));
  }

  private static Tokenizer tokenizer(JsonFields fields, ServedModel model) {
    String name = fields.text("model");
    if (name != null && !name.equals(model.name())) {
      throw CompletionRequest.unknownModel(name, model);
    }
    var tokenizer = model.tokenizer();
    if (tokenizer == null) {
      throw HttpError.unsupported("model", "model \"%s\" has no tokenizer".formatted(model.name()));
    }
    return tokenizer;
  }
}
