package io.dejavu.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// Many clients at once, some of which vanish in the middle of their stream, on a server with
/// little memory for keys and values. `-Dsoak.seconds=60` makes it last.
final class ManyStreamsTest {
  private static final int STREAMS = 64;
  private static final int REQUESTS = 24;
  private static final Duration TIME = Duration.ofSeconds(Integer.getInteger("soak.seconds", 8));
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final JsonMapper JSON = new JsonMapper();

  private final HttpClient client =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private URI url = URI.create("http://nowhere");

  @Test
  void clientsThatVanishLeaveNothingBehindAndChangeNobodysTokens() throws Exception {
    var command = new ServeCommand();
    new CommandLine(command).parseArgs("--port", "0", "--kv-memory", "12M");
    try (var server = command.start()) {
      url = URI.create(server.url());
      var requests = new ArrayList<ObjectNode>();
      var alone = new ArrayList<String>();
      for (int i = 0; i < REQUESTS; i++) {
        requests.add(request(i));
        alone.add(stream(requests.get(i), Integer.MAX_VALUE).orElseThrow());
      }

      int complete = 0;
      try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
        long end = System.nanoTime() + TIME.toNanos();
        List<Callable<Integer>> clients = new ArrayList<>();
        for (int i = 0; i < STREAMS; i++) {
          var random = new SplittableRandom(i);
          clients.add(() -> come(random, end, requests, alone));
        }
        for (Future<Integer> done : threads.invokeAll(clients)) {
          complete += done.get();
        }
      }

      assertThat(complete).isGreaterThan(STREAMS / 2);
      var health = health();
      for (long end = System.nanoTime() + PATIENCE.toNanos();
          !isIdle(health) && System.nanoTime() < end;
          health = health()) {
        Thread.sleep(50);
      }
      assertThat(isIdle(health)).as("%s", health).isTrue();
      assertThat(get("/metrics"))
          .containsPattern("(?m)^dejavu_kv_blocks_leaked\\{[^}]*} 0(\\.0)?$");
      assertThat(stream(requests.getFirst(), Integer.MAX_VALUE)).contains(alone.getFirst());
    }
  }

  /// One client that asks again and again.
  ///
  /// @return how many answers it read to the end
  private int come(SplittableRandom random, long end, List<ObjectNode> requests, List<String> alone)
      throws Exception {
    int complete = 0;
    while (System.nanoTime() < end) {
      int which = random.nextInt(requests.size());
      int patience = random.nextInt(3) == 0 ? random.nextInt(40) : Integer.MAX_VALUE;
      var text = stream(requests.get(which), patience);
      if (text.isPresent()) {
        assertThat(text.get()).isEqualTo(alone.get(which));
        complete++;
      }
    }
    return complete;
  }

  private static ObjectNode request(int i) {
    return JsonNodeFactory.instance
        .objectNode()
        .put("prompt", i % 3 == 0 ? "ROMEO:\n".repeat(1 + 5 * i) : "Enter the " + i + "th lord.\n")
        .put("max_tokens", 10 + 5 * i)
        .put("temperature", i % 2)
        .put("seed", i)
        .put("stream", true);
  }

  /// @param patience events after which the client closes the connection
  /// @return the text; empty if the client lost its patience
  private Optional<String> stream(ObjectNode request, int patience)
      throws IOException, InterruptedException {
    var response =
        client.send(
            HttpRequest.newBuilder(url.resolve("/v1/completions"))
                .timeout(PATIENCE)
                .POST(HttpRequest.BodyPublishers.ofByteArray(JSON.writeValueAsBytes(request)))
                .build(),
            HttpResponse.BodyHandlers.ofInputStream());
    try (var lines =
        new BufferedReader(new InputStreamReader(response.body(), StandardCharsets.UTF_8))) {
      assertThat(response.statusCode()).isEqualTo(200);
      var text = new StringBuilder();
      int events = 0;
      for (var line = lines.readLine(); line != null; line = lines.readLine()) {
        if (events++ >= patience) {
          return Optional.empty();
        }
        if (line.equals("data: [DONE]")) {
          return Optional.of(text.toString());
        }
        if (line.startsWith("data: ")) {
          text.append(
              JSON.readTree(line.substring(6)).get("choices").get(0).get("text").stringValue());
        }
      }
      throw new IOException("the stream ended after '%s'".formatted(text));
    }
  }

  private JsonNode health() throws IOException, InterruptedException {
    return JSON.readTree(get("/health"));
  }

  private static boolean isIdle(JsonNode health) {
    return health.get("running").intValue() == 0
        && health.get("waiting").intValue() == 0
        && health.get("kv_blocks_in_use").intValue() == 0;
  }

  private String get(String path) throws IOException, InterruptedException {
    var request = HttpRequest.newBuilder(url.resolve(path)).timeout(PATIENCE).build();
    return client.send(request, HttpResponse.BodyHandlers.ofString()).body();
  }
}
