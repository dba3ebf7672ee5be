package io.dejavu.api;

import io.dejavu.engine.TokenLogprobs;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonGenerator;

/// The `logprobs` object of `/v1/chat/completions`: one entry per token, each with the bytes that
/// the token stands for.
final class ChatLogprobs implements LogprobList {
  private final TokenTexts texts;
  private final List<Entry> entries = new ArrayList<>();

  private record Entry(int id, TokenLogprobs logprobs) {}

  ChatLogprobs(TokenTexts texts) {
    this.texts = texts;
  }

  @Override
  public void add(int id, int offset, @Nullable TokenLogprobs logprobs) {
    if (logprobs != null) {
      entries.add(new Entry(id, logprobs));
    }
  }

  @Override
  public boolean isEmpty() {
    return entries.isEmpty();
  }

  @Override
  public void write(JsonGenerator json) {
    json.writeStartObject();
    json.writeArrayPropertyStart("content");
    for (var entry : entries) {
      var logprobs = entry.logprobs;
      json.writeStartObject();
      writeToken(json, entry.id, logprobs.logprob());
      json.writeArrayPropertyStart("top_logprobs");
      for (int i = 0; i < logprobs.topIds().length; i++) {
        json.writeStartObject();
        writeToken(json, logprobs.topIds()[i], logprobs.topLogprobs()[i]);
        json.writeEndObject();
      }
      json.writeEndArray();
      json.writeEndObject();
    }
    json.writeEndArray();
    json.writeNullProperty("refusal");
    json.writeEndObject();
    entries.clear();
  }

  private void writeToken(JsonGenerator json, int id, float logprob) {
    json.writeStringProperty("token", texts.of(id));
    json.writeNumberProperty("logprob", LogprobList.finite(logprob));
    byte[] bytes = texts.bytes(id);
    if (bytes == null) {
      json.writeNullProperty("bytes");
      return;
    }
    json.writeArrayPropertyStart("bytes");
    for (byte b : bytes) {
      json.writeNumber(Byte.toUnsignedInt(b));
    }
    json.writeEndArray();
  }
}
