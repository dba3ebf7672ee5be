package io.dejavu.api;

import io.dejavu.engine.Engine;
import io.dejavu.engine.GenerationEvent;
import io.dejavu.engine.GenerationRequest;
import io.dejavu.tensor.Sampling;
import io.helidon.webserver.CloseConnectionException;
import io.helidon.webserver.http.ServerResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.InstantSource;
import java.util.Base64;
import java.util.HexFormat;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonGenerator;

/// `POST /v1/embeddings`. Each input is a sequence of its own in the engine's batches, beside those
/// that generate; a request with many has some of them there at a time.
///
/// @param random thread-safe; makes ids
record Embeddings(
    TenantEngine engine, ServedModel model, InstantSource clock, RandomGenerator random) {
  /// Inputs of one request that the engine has at once: enough to fill its steps, and no more, so
  /// that others come in between.
  private static final int AT_ONCE = 32;

  void answer(EmbeddingRequest request, Arrivals arrivals, ServerResponse response)
      throws InterruptedException {
    String id = "embd-" + HexFormat.of().toHexDigits(random.nextLong());
    try (var run = new Run(id, request, arrivals)) {
      while (!run.isComplete()) {
        run.submit();
        run.advance();
      }
      Bodies.send(response, 200, Json.bytes(json -> write(json, id, request, run.vectors)));
    }
  }

  /// One request under way. Closing it cancels what still runs.
  private final class Run implements AutoCloseable {
    private final String id;
    private final EmbeddingRequest request;
    private final Arrivals arrivals;
    final float[] @Nullable [] vectors;
    private final Engine.@Nullable Generation[] generations;
    private int submitted;
    private int ended;

    Run(String id, EmbeddingRequest request, Arrivals arrivals) {
      this.id = id;
      this.request = request;
      this.arrivals = arrivals;
      this.vectors = new float[request.inputs().size()] @Nullable [];
      this.generations = new Engine.@Nullable Generation[vectors.length];
    }

    boolean isComplete() {
      return ended == vectors.length;
    }

    void submit() {
      while (submitted < vectors.length && submitted - ended < AT_ONCE) {
        int input = submitted;
        var wanted =
            GenerationRequest.of(
                    id + "-" + input, request.inputs().get(input).ids(), Sampling.GREEDY, 0, 0)
                .withEmbed(request.pooling());
        generations[input] =
            engine.submit(
                "input", wanted, event -> arrivals.add(new Arrivals.Arrival.Event(input, event)));
        submitted++;
      }
    }

    void advance() throws InterruptedException {
      for (var arrival : arrivals.take()) {
        switch (arrival) {
          case Arrivals.Arrival.Event(int input, var event) -> on(input, event);
          case Arrivals.Arrival.ClientGone _ ->
              throw new CloseConnectionException("the client has left");
          case Arrivals.Arrival.GiveUp(var error) -> throw error;
        }
      }
    }

    private void on(int input, GenerationEvent event) {
      switch (event) {
        case GenerationEvent.Embedded(var vector) -> vectors[input] = request.cut(vector);
        case GenerationEvent.Finished finished -> {
          if (vectors[input] == null) {
            throw HttpError.failed("the engine ended the request: " + finished.reason());
          }
          ended++;
        }
        case GenerationEvent.Failed(var why) -> throw HttpError.failed(why);
        case GenerationEvent.Prompt _, GenerationEvent.Token _ ->
            throw new IllegalStateException("not asked for: " + event);
      }
    }

    @Override
    public void close() {
      for (var generation : generations) {
        if (generation != null) {
          generation.cancel();
        }
      }
    }
  }

  private void write(
      JsonGenerator json, String id, EmbeddingRequest request, float[] @Nullable [] vectors) {
    json.writeStartObject();
    json.writeStringProperty("id", id);
    json.writeStringProperty("object", "list");
    json.writeNumberProperty("created", clock.instant().getEpochSecond());
    json.writeStringProperty("model", model.name());
    json.writeArrayPropertyStart("data");
    for (int i = 0; i < vectors.length; i++) {
      float[] vector = vectors[i];
      if (vector == null) {
        throw new IllegalStateException("input %d has no vector".formatted(i));
      }
      json.writeStartObject();
      json.writeStringProperty("object", "embedding");
      json.writeNumberProperty("index", i);
      json.writeName("embedding");
      if (request.base64()) {
        json.writeString(base64(vector));
      } else {
        json.writeStartArray();
        for (float value : vector) {
          json.writeNumber(value);
        }
        json.writeEndArray();
      }
      json.writeEndObject();
    }
    json.writeEndArray();
    json.writeObjectPropertyStart("usage");
    json.writeNumberProperty("prompt_tokens", request.promptTokens());
    json.writeNumberProperty("total_tokens", request.promptTokens());
    json.writeEndObject();
    json.writeEndObject();
  }

  private static String base64(float[] vector) {
    var bytes = ByteBuffer.allocate(4 * vector.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(vector);
    return Base64.getEncoder().encodeToString(bytes.array());
  }
}
