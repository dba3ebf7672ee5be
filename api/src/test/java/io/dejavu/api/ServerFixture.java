package io.dejavu.api;

import io.dejavu.model.Tokenizer;
import io.dejavu.observe.EngineFacts;
import io.dejavu.observe.RequestRecord;
import io.dejavu.observe.Telemetry;
import io.dejavu.observe.TelemetryConfig;
import io.dejavu.tensor.Sampling;
import java.io.IOException;
import java.net.BindException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// A real server on a free port before a [ScriptedEngine], and a client of it.
final class ServerFixture implements AutoCloseable {
  static final JsonMapper JSON = new JsonMapper();
  static final Instant START = Instant.parse("2026-01-01T00:00:00Z");

  final ScriptedEngine engine = new ScriptedEngine();
  final List<RequestRecord> log = new CopyOnWriteArrayList<>();
  final Telemetry telemetry =
      new Telemetry(TelemetryConfig.of("1.2.3"), InstantSource.fixed(START), log::add);
  final ApiServer server;
  final HttpClient client =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(Duration.ofSeconds(5))
          .build();

  ServerFixture() throws BindException {
    this(ApiConfig.DEFAULT, new ByteTokenizer());
  }

  ServerFixture(ApiConfig config, @Nullable Tokenizer tokenizer) throws BindException {
    this(config, tokenizer, null);
  }

  ServerFixture(ApiConfig config, @Nullable Tokenizer tokenizer, @Nullable ChatFormat chat)
      throws BindException {
    var model =
        new ServedModel(
            "test/model",
            START,
            "fp_test",
            260,
            Set.of(ByteTokenizer.END),
            tokenizer,
            new Sampling(1, 0, 1, 0, 1, 0, 0, Map.of()),
            chat);
    server =
        ApiServer.open(
            config.at("127.0.0.1", 0), "1.2.3", InstantSource.fixed(START), seeded(), telemetry);
    server.serve(telemetry.watch(engine, new EngineFacts(model.name(), 16, "bf16", true)), model);
  }

  private static RandomGenerator seeded() {
    var random = new SplittableRandom(4711);
    return () -> {
      synchronized (random) {
        return random.nextLong();
      }
    };
  }

  URI uri(String path) {
    return URI.create("http://127.0.0.1:" + server.port() + path);
  }

  HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(uri(path)).timeout(Duration.ofSeconds(20));
  }

  HttpRequest.Builder posted(String body) {
    return posted("/v1/completions", body);
  }

  HttpRequest.Builder posted(String path, String body) {
    return request(path).POST(HttpRequest.BodyPublishers.ofString(body));
  }

  HttpResponse<String> post(String path, String body) throws IOException, InterruptedException {
    return send(posted(path, body).build());
  }

  HttpRequest completion(String body) {
    return posted(body).build();
  }

  HttpResponse<String> send(HttpRequest request) throws IOException, InterruptedException {
    return client.send(request, HttpResponse.BodyHandlers.ofString());
  }

  HttpResponse<String> post(String body) throws IOException, InterruptedException {
    return send(completion(body));
  }

  HttpResponse<String> get(String path) throws IOException, InterruptedException {
    return send(request(path).GET().build());
  }

  /// The answer to a good request.
  JsonNode complete(String body) throws IOException, InterruptedException {
    var response = post(body);
    if (response.statusCode() != 200) {
      throw new AssertionError(response.statusCode() + " " + response.body());
    }
    return JSON.readTree(response.body());
  }

  /// The events of a good streaming request, without `[DONE]`, which must be the last one.
  List<JsonNode> stream(String body) throws IOException, InterruptedException {
    var response = client.send(completion(body), HttpResponse.BodyHandlers.ofLines());
    var events = new ArrayList<JsonNode>();
    boolean done = false;
    try (Stream<String> lines = response.body()) {
      for (String line : (Iterable<String>) lines::iterator) {
        if (response.statusCode() != 200) {
          throw new AssertionError(response.statusCode() + " " + line);
        }
        if (line.isEmpty()) {
          continue;
        }
        if (done || !line.startsWith("data: ")) {
          throw new AssertionError("unexpected line: " + line);
        }
        done = line.equals("data: [DONE]");
        if (!done) {
          events.add(JSON.readTree(line.substring(6)));
        }
      }
    }
    if (!done) {
      throw new AssertionError("the stream has no [DONE]");
    }
    return events;
  }

  /// The text of all chunks of choice `index`.
  static String text(List<JsonNode> events, int index) {
    var text = new StringBuilder();
    for (JsonNode event : events) {
      for (JsonNode choice : event.get("choices")) {
        if (choice.get("index").intValue() == index) {
          text.append(choice.get("text").stringValue());
        }
      }
    }
    return text.toString();
  }

  @Override
  public void close() {
    client.close();
    server.close();
    engine.close();
  }
}
