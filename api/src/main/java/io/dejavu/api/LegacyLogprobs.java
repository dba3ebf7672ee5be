package io.dejavu.api;

import io.dejavu.engine.TokenLogprobs;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonGenerator;

/// The `logprobs` object of `/v1/completions`: four lists with one entry per token.
final class LegacyLogprobs implements LogprobList {
  private final TokenTexts texts;
  private final List<Entry> entries = new ArrayList<>();

  private record Entry(int id, int offset, @Nullable TokenLogprobs logprobs) {}

  LegacyLogprobs(TokenTexts texts) {
    this.texts = texts;
  }

  @Override
  public void add(int id, int offset, @Nullable TokenLogprobs logprobs) {
    entries.add(new Entry(id, offset, logprobs));
  }

  @Override
  public boolean isEmpty() {
    return entries.isEmpty();
  }

  @Override
  public void write(JsonGenerator json) {
    json.writeStartObject();
    json.writeArrayPropertyStart("tokens");
    entries.forEach(entry -> json.writeString(texts.of(entry.id)));
    json.writeEndArray();
    json.writeArrayPropertyStart("token_logprobs");
    for (var entry : entries) {
      if (entry.logprobs == null) {
        json.writeNull();
      } else {
        json.writeNumber(LogprobList.finite(entry.logprobs.logprob()));
      }
    }
    json.writeEndArray();
    json.writeArrayPropertyStart("top_logprobs");
    entries.forEach(entry -> writeTop(json, entry));
    json.writeEndArray();
    json.writeArrayPropertyStart("text_offset");
    entries.forEach(entry -> json.writeNumber(entry.offset));
    json.writeEndArray();
    json.writeEndObject();
    entries.clear();
  }

  private void writeTop(JsonGenerator json, Entry entry) {
    var logprobs = entry.logprobs;
    if (logprobs == null) {
      json.writeNull();
      return;
    }
    var names = new HashSet<String>();
    json.writeStartObject();
    for (int i = 0; i < logprobs.topIds().length; i++) {
      String name = texts.of(logprobs.topIds()[i]);
      if (names.add(name)) { // parts of characters may look alike: the likelier one stays
        json.writeNumberProperty(name, LogprobList.finite(logprobs.topLogprobs()[i]));
      }
    }
    String own = texts.of(entry.id);
    if (names.add(own)) {
      json.writeNumberProperty(own, LogprobList.finite(logprobs.logprob()));
    }
    json.writeEndObject();
  }
}
