package io.dejavu.api;

import io.dejavu.observe.LatencyCounts;
import io.dejavu.observe.ServerStats;
import tools.jackson.core.JsonGenerator;

/// `GET /stats`: what the web page draws its charts from. Counts never fall, so that the difference
/// of two answers is what happened between them.
final class LiveStats {
  private LiveStats() {}

  static void write(JsonGenerator json, ServerStats stats) {
    var status = stats.status();
    json.writeStartObject();
    json.writeStringProperty("model", stats.facts().model());
    json.writeBooleanProperty("healthy", status.healthy());
    json.writeStringProperty("problem", status.problem());
    json.writeNumberProperty("max_context", stats.maxContext());
    json.writeNumberProperty("requests", stats.requests());
    json.writeObjectPropertyStart("sequences");
    json.writeNumberProperty("running", status.running());
    json.writeNumberProperty("waiting", status.waiting());
    json.writeNumberProperty("swapped", status.swapped());
    json.writeEndObject();
    json.writeObjectPropertyStart("kv");
    json.writeNumberProperty("blocks", status.blocks());
    json.writeNumberProperty("in_use", status.blocksInUse());
    json.writeNumberProperty("cached", status.blocksCached());
    json.writeNumberProperty("leaked", status.blocksLeaked());
    json.writeNumberProperty("block_tokens", stats.facts().blockTokens());
    json.writeEndObject();
    json.writeObjectPropertyStart("totals");
    json.writeNumberProperty("steps", status.steps());
    json.writeNumberProperty("sequences", stats.finished());
    json.writeNumberProperty("prompt_tokens", stats.promptTokens());
    json.writeNumberProperty("cached_tokens", stats.cachedTokens());
    json.writeNumberProperty("generated_tokens", stats.generatedTokens());
    json.writeEndObject();
    latency(json, "time_to_first_token", stats.firstToken());
    latency(json, "inter_token", stats.nextToken());
    json.writeEndObject();
  }

  private static void latency(JsonGenerator json, String name, LatencyCounts counts) {
    json.writeObjectPropertyStart(name);
    json.writeArrayPropertyStart("bounds");
    counts.bounds().forEach(json::writeNumber);
    json.writeEndArray();
    json.writeArrayPropertyStart("counts");
    counts.counts().forEach(json::writeNumber);
    json.writeEndArray();
    json.writeEndObject();
  }
}
