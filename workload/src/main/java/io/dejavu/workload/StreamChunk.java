package io.dejavu.workload;

import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// What one event of a stream says, as far as it is measured: OpenAI's completions and chat, and
/// llama.cpp's own `content`.
///
/// @param choice whether it is about the answer at all
/// @param content whether it is some of the answer: text, tokens, reasoning, a call of a tool; also
///   an empty text while the answer goes on, which is a token that shows nothing
/// @param finished whether the answer is complete with it
/// @param promptTokens of `usage`, -1 without
/// @param outputTokens of `usage`, -1 without
/// @param cachedTokens of `usage`, -1 without
/// @param error what the server says went wrong
record StreamChunk(
    boolean choice,
    boolean content,
    boolean finished,
    int promptTokens,
    int outputTokens,
    int cachedTokens,
    @Nullable String error) {
  private static final JsonMapper JSON = new JsonMapper();

  /// @throws tools.jackson.core.JacksonException if it is not JSON
  static StreamChunk of(byte[] data, int length) {
    try (JsonParser json = JSON.createParser(data, 0, length)) {
      var reading = new Reading(json);
      reading.chunk();
      return reading.result();
    }
  }

  /// One pass without a tree: there are thousands of chunks per second.
  private static final class Reading {
    private final JsonParser json;
    private boolean choice;
    private boolean content;
    private boolean empty; // a text without letters
    private boolean role;
    private boolean finished;
    private int promptTokens = -1;
    private int outputTokens = -1;
    private int cachedTokens = -1;
    private @Nullable String error;

    Reading(JsonParser json) {
      this.json = json;
    }

    StreamChunk result() {
      boolean invisible = empty && !finished && !role;
      return new StreamChunk(
          choice, content || invisible, finished, promptTokens, outputTokens, cachedTokens, error);
    }

    void chunk() {
      if (json.nextToken() != JsonToken.START_OBJECT) {
        error = "an event that is not an object";
        return;
      }
      while (json.nextToken() == JsonToken.PROPERTY_NAME) {
        String name = json.currentName();
        JsonToken value = json.nextToken();
        switch (name) {
          case "choices" -> choices(value);
          case "usage" -> usage(value);
          case "error" -> error(value);
          case "content" -> { // llama.cpp's own
            choice = true;
            content |= something(value);
          }
          case "stop" -> finished |= value == JsonToken.VALUE_TRUE;
          case "tokens_predicted" -> outputTokens = number(value, outputTokens);
          case "tokens_evaluated" -> promptTokens = number(value, promptTokens);
          default -> json.skipChildren();
        }
      }
    }

    private void choices(JsonToken value) {
      if (value != JsonToken.START_ARRAY) {
        json.skipChildren();
        return;
      }
      while (json.nextToken() == JsonToken.START_OBJECT) {
        choice = true;
        while (json.nextToken() == JsonToken.PROPERTY_NAME) {
          String name = json.currentName();
          JsonToken field = json.nextToken();
          switch (name) {
            case "text", "token_ids" -> content |= something(field);
            case "delta" -> delta(field);
            case "finish_reason" -> finished |= field != JsonToken.VALUE_NULL;
            default -> json.skipChildren();
          }
        }
      }
    }

    private void delta(JsonToken value) {
      if (value != JsonToken.START_OBJECT) {
        json.skipChildren();
        return;
      }
      while (json.nextToken() == JsonToken.PROPERTY_NAME) {
        String name = json.currentName();
        JsonToken field = json.nextToken();
        switch (name) {
          case "role" -> role = true;
          case "content", "reasoning_content", "reasoning", "tool_calls", "refusal" ->
              content |= something(field);
          default -> json.skipChildren();
        }
      }
    }

    private void usage(JsonToken value) {
      if (value != JsonToken.START_OBJECT) {
        json.skipChildren();
        return;
      }
      while (json.nextToken() == JsonToken.PROPERTY_NAME) {
        String name = json.currentName();
        JsonToken field = json.nextToken();
        switch (name) {
          case "prompt_tokens" -> promptTokens = number(field, promptTokens);
          case "completion_tokens" -> outputTokens = number(field, outputTokens);
          case "cached_tokens" -> cachedTokens = number(field, cachedTokens);
          case "prompt_tokens_details" -> {
            if (field == JsonToken.START_OBJECT) {
              usage(field);
            }
          }
          default -> json.skipChildren();
        }
      }
    }

    private void error(JsonToken value) {
      if (value == JsonToken.VALUE_NULL) {
        return;
      }
      JsonNode node = json.readValueAsTree();
      JsonNode message = node.get("message");
      error = message != null && message.isString() ? message.stringValue() : node.toString();
    }

    private int number(JsonToken value, int otherwise) {
      json.skipChildren();
      return value == JsonToken.VALUE_NUMBER_INT ? json.getIntValue() : otherwise;
    }

    /// Passes over the value.
    private boolean something(JsonToken value) {
      return switch (value) {
        case VALUE_STRING -> {
          empty = true;
          yield json.getStringLength() > 0;
        }
        case START_ARRAY -> {
          boolean any = json.nextToken() != JsonToken.END_ARRAY;
          while (json.currentToken() != JsonToken.END_ARRAY) {
            json.skipChildren();
            json.nextToken();
          }
          yield any;
        }
        default -> {
          json.skipChildren();
          yield false;
        }
      };
    }
  }
}
