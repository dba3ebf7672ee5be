package io.dejavu.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// A real server process on the bundled model, through HTTP.
final class ServeTest {
  private static final Pattern URL = Pattern.compile("http://\\S+/v1");
  private static final JsonMapper JSON = new JsonMapper();
  private static final HttpClient CLIENT = HttpClient.newHttpClient();

  private static Process server;
  private static String url;

  @BeforeAll
  static void start() throws IOException {
    server = launch("serve", "--port", "0", "--dtype", "float32");
    url = url(server);
  }

  @AfterAll
  static void stop() {
    server.destroyForcibly();
  }

  @Test
  void answersAreTheGoldenOnes() throws Exception {
    var golden =
        JSON.readTree(
            Files.readAllBytes(Repository.ROOT.resolve("models/shakespeare-opt-7m/golden.json")));

    assertThat(golden.get("cases")).isNotEmpty();
    for (JsonNode expected : golden.get("cases")) {
      String text = expected.get("text").stringValue();
      var choice = greedy(text, expected.get("greedy").size());

      assertThat(choice.get("prompt_token_ids")).as(text).isEqualTo(expected.get("ids"));
      assertPromptLogprobs(choice, expected);
      int same = equalTokens(choice, expected);
      if (same == expected.get("greedy").size()) {
        assertThat(choice.get("text")).isEqualTo(expected.get("greedy_text"));
      }
    }
  }

  @Test
  void theFirstTokensLogprobsAreTheGoldenOnes() throws Exception {
    var golden =
        JSON.readTree(
            Files.readAllBytes(Repository.ROOT.resolve("models/shakespeare-opt-7m/golden.json")));

    for (JsonNode expected : golden.get("cases")) {
      var request = request(expected.get("text").stringValue(), 1).put("logprobs", 5);
      request.put("return_tokens_as_token_ids", true);
      var top = complete(request).get("logprobs").get("top_logprobs").get(0);

      for (JsonNode pair : expected.get("last_top5")) {
        assertThat(top.get("token_id:" + pair.get(0).intValue()).doubleValue())
            .isCloseTo(pair.get(1).doubleValue(), within(1e-4));
      }
    }
  }

  @Test
  void aStreamHasTheTextOfTheWholeAnswer() throws Exception {
    var request = request("First Citizen:\n", 40);
    String whole = complete(request).get("text").stringValue();

    var streamed = new StringBuilder();
    int events = 0;
    var lines =
        CLIENT
            .send(post(request.put("stream", true)), HttpResponse.BodyHandlers.ofLines())
            .body()
            .toList();
    for (String line : lines) {
      if (line.startsWith("data: {")) {
        events++;
        streamed.append(
            JSON.readTree(line.substring(6)).get("choices").get(0).get("text").stringValue());
      }
    }

    assertThat(streamed.toString()).isEqualTo(whole);
    assertThat(events).isGreaterThan(3);
    assertThat(lines).contains("data: [DONE]");
  }

  @Test
  void aChatStreamsWhatItAnswersAsAWhole() throws Exception {
    var request = chat("What news?").put("max_tokens", 40);
    var whole = send(request).get("choices").get(0);

    var streamed = new StringBuilder();
    String finish = "";
    var options = JsonNodeFactory.instance.objectNode().put("include_usage", true);
    request.put("stream", true).set("stream_options", options);
    var lines = CLIENT.send(post(request), HttpResponse.BodyHandlers.ofLines()).body().toList();
    var events = lines.stream().filter(line -> line.startsWith("data: {")).toList();
    for (String event : events.subList(0, events.size() - 1)) {
      var choice = JSON.readTree(event.substring(6)).get("choices").get(0);
      streamed.append(choice.get("delta").path("content").stringValue(""));
      finish += choice.get("finish_reason").stringValue("");
    }

    assertThat(streamed.toString()).isNotBlank();
    assertThat(streamed.toString()).isEqualTo(whole.get("message").get("content").stringValue());
    assertThat(finish).isEqualTo(whole.get("finish_reason").stringValue());
    var usage = JSON.readTree(events.getLast().substring(6)).get("usage");
    assertThat(usage.get("prompt_tokens").intValue()).isGreaterThan(5);
    assertThat(usage.get("completion_tokens").intValue()).isBetween(1, 40);
    assertThat(lines.stream().filter(line -> !line.isEmpty()).toList().getLast())
        .isEqualTo("data: [DONE]");
  }

  @Test
  void anAnswerIsValidAgainstItsSchema() throws Exception {
    for (int seed = 0; seed < 5; seed++) {
      var request = chat("Who art thou?").put("max_tokens", 400);
      request.put("temperature", 1).put("seed", seed);
      request.set(
          "response_format",
          JSON.readTree(
              """
              {"type": "json_schema", "json_schema": {"name": "person", "strict": true, "schema": {
                "type": "object", "additionalProperties": false, "required": ["age", "house"],
                "properties": {"age": {"type": "integer", "minimum": 0, "maximum": 120},
                               "house": {"enum": ["Montague", "Capulet"]}}}}}"""));
      var choice = send(request).get("choices").get(0);

      assertThat(choice.get("finish_reason").stringValue()).isEqualTo("stop");
      var person = JSON.readTree(choice.get("message").get("content").stringValue());
      assertThat(person.propertyNames()).containsExactly("age", "house");
      assertThat(person.get("age").intValue()).isBetween(0, 120);
      assertThat(person.get("house").stringValue()).isIn("Montague", "Capulet");
    }
  }

  @Test
  void aRequiredCallIsAValidOne() throws Exception {
    var request = chat("Add one and two.").put("max_tokens", 400).put("seed", 3);
    request.put("temperature", 1).put("tool_choice", "required").put("parallel_tool_calls", false);
    request.set(
        "tools",
        JSON.readTree(
            """
            [{"type": "function", "function": {"name": "add", "strict": true, "parameters": {
              "type": "object", "additionalProperties": false, "required": ["a", "b"],
              "properties": {"a": {"enum": [1, 2]}, "b": {"type": "boolean"}}}}}]"""));

    var choice = send(request).get("choices").get(0);

    assertThat(choice.get("finish_reason").stringValue()).isEqualTo("tool_calls");
    assertThat(choice.get("message").get("content").isNull()).isTrue();
    var call = choice.get("message").get("tool_calls").get(0).get("function");
    assertThat(call.get("name").stringValue()).isEqualTo("add");
    var arguments = JSON.readTree(call.get("arguments").stringValue());
    assertThat(arguments.get("a").intValue()).isIn(1, 2);
    assertThat(arguments.get("b").isBoolean()).isTrue();
  }

  @Test
  void aSeedDecidesAboutTheText() throws Exception {
    var request = request("ROMEO:\n", 30).put("temperature", 1).put("seed", 7);

    assertThat(complete(request)).isEqualTo(complete(request));
    assertThat(complete(request).get("text"))
        .isNotEqualTo(complete(request.put("seed", 8)).get("text"));
  }

  @Test
  void clientsTogetherGetWhatEachGetsAlone() throws Exception {
    var requests = new ArrayList<ObjectNode>();
    for (int i = 0; i < 16; i++) {
      requests.add(request("ROMEO:\n".repeat(i + 1), 24).put("temperature", 1).put("seed", i));
    }
    var alone = new ArrayList<JsonNode>();
    for (var request : requests) {
      alone.add(complete(request));
    }

    List<Callable<JsonNode>> clients = new ArrayList<>();
    requests.forEach(request -> clients.add(() -> complete(request)));
    var together = new ArrayList<JsonNode>();
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      threads.invokeAll(clients).forEach(answer -> together.add(answer.resultNow()));
    }

    assertThat(together).isEqualTo(alone);
  }

  @Test
  void theServerIsHealthyAndKnowsItsModel() throws Exception {
    assertThat(get("/health").get("status").stringValue()).isEqualTo("ok");
    assertThat(get("/v1/models").get("data").get(0).get("id").stringValue())
        .isEqualTo("shakespeare-opt-7m");
  }

  @Test
  void aSignalStopsAServerWhenItsRequestsAreComplete() throws Exception {
    var process = launch("serve", "--port", "0");
    try {
      String there = url(process);
      var body = request("ROMEO:\n", 900).put("ignore_eos", true).put("stream", true);
      body.set("stream_options", JsonNodeFactory.instance.objectNode().put("include_usage", true));
      var answer =
          CLIENT.send(
              HttpRequest.newBuilder(URI.create(there + "/completions"))
                  .POST(HttpRequest.BodyPublishers.ofByteArray(JSON.writeValueAsBytes(body)))
                  .build(),
              HttpResponse.BodyHandlers.ofLines());
      var events = answer.body().filter(line -> !line.isEmpty()).iterator();
      assertThat(events.next()).startsWith("data: {\"id\"");

      process.destroy(); // SIGTERM

      var rest = new ArrayList<String>();
      events.forEachRemaining(rest::add);
      assertThat(rest.removeLast()).isEqualTo("data: [DONE]");
      var usage = JSON.readTree(rest.getLast().substring("data: ".length())).get("usage");
      assertThat(usage.get("completion_tokens").intValue()).isEqualTo(900);
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
      assertThat(process.exitValue()).isZero();
    } finally {
      process.destroyForcibly();
    }
  }

  @Test
  void aBenchmarkCountsWhatTheServerSent(@TempDir Path folder) throws Exception {
    var json = folder.resolve("report.json");
    var html = folder.resolve("report.html");
    String options =
        "bench serve --num-prompts 12 --concurrency 4 --input-len 5..40 --output-len 7 --warm-up 2"
            + " --max-len 27 --goodput ttft:60000 e2el:60000 --base-url %s --json %s --html %s"
                .formatted(url, json, html);
    var out = new StringWriter();
    var err = new StringWriter();

    int code = Dejavu.run(new PrintWriter(out), new PrintWriter(err), options.split(" "));

    assertThat(code).as(err.toString()).isZero();
    assertThat(out.toString())
        .contains("Successful requests:                     12")
        .contains("Total generated tokens:                  84")
        .contains("SLO attainment (%):                      100.00");
    var report = JSON.readTree(Files.readString(json));
    int prompts = 0;
    for (int i = 0; i < 12; i++) {
      prompts += report.get("input_lens").get(i).intValue();
      assertThat(report.get("output_lens").get(i).intValue()).isEqualTo(7);
      assertThat(report.get("itls").get(i).size()).isLessThan(7);
      assertThat(report.get("ttfts").get(i).doubleValue())
          .isPositive()
          .isLessThanOrEqualTo(report.get("e2els").get(i).doubleValue());
    }
    assertThat(report.get("total_input_tokens").intValue()).isEqualTo(prompts);
    assertThat(report.get("model_id").stringValue()).isEqualTo("shakespeare-opt-7m");
    assertThat(Files.readString(html)).contains("shakespeare-opt-7m").contains("Chart.js");
  }

  @Test
  void aComparisonMeasuresBothSidesInTurn(@TempDir Path folder) throws Exception {
    String arm = "num-prompts: 4%nconcurrency: 2%ninput-len: 40%noutput-len: 4%n".formatted();
    var a = Files.writeString(folder.resolve("a.yaml"), arm + "base-url: " + url + "\n");
    String b = "{name: other, %s, base-url: '%s'}".formatted(arm.strip().replace("\n", ", "), url);
    var json = folder.resolve("ratios.json");
    var out = new StringWriter();
    var err = new StringWriter();

    int code =
        Dejavu.run(
            new PrintWriter(out),
            new PrintWriter(err),
            "bench",
            "compare",
            a.toString(),
            b,
            "--rounds",
            "2",
            "--json",
            json.toString());

    assertThat(code).as(err.toString()).isZero();
    assertThat(out.toString().lines().filter(line -> line.startsWith("round")))
        .extracting(line -> line.substring(0, 10))
        .containsExactly("round 1  A", "round 1  B", "round 2  B", "round 2  A");
    var ratios = JSON.readTree(Files.readString(json));
    assertThat(ratios.get("first").stringValue()).isEqualTo("a");
    assertThat(ratios.get("second").stringValue()).isEqualTo("other");
    for (var round : ratios.get("rounds")) {
      assertThat(round.get("first").get("total_output_tokens").intValue()).isEqualTo(16);
      assertThat(round.get("second").get("total_output_tokens").intValue()).isEqualTo(16);
      for (String side : List.of("first", "second")) { // the server runs on, with its cache
        assertThat(round.get(side).get("total_cached_tokens").intValue()).as(side).isZero();
      }
    }
  }

  private static void assertPromptLogprobs(JsonNode choice, JsonNode expected) {
    var actual = new ArrayList<Double>();
    for (int i = 1; i < choice.get("prompt_logprobs").size(); i++) {
      String id = choice.get("prompt_token_ids").get(i).toString();
      actual.add(choice.get("prompt_logprobs").get(i).get(id).get("logprob").doubleValue());
    }
    assertThat(actual).hasSize(expected.get("prompt_logprobs").size());
    for (int i = 0; i < actual.size(); i++) {
      assertThat(actual.get(i))
          .isCloseTo(expected.get("prompt_logprobs").get(i).doubleValue(), within(1e-4));
    }
  }

  /// Greedy tokens must be equal up to one whose two best logits are as good as the same.
  private static int equalTokens(JsonNode choice, JsonNode expected) {
    var wanted = expected.get("greedy");
    for (int i = 0; i < wanted.size(); i++) {
      if (expected.get("greedy_margins").get(i).doubleValue() < 1e-3) {
        return i;
      }
      assertThat(choice.get("token_ids").get(i)).as("token %d", i).isEqualTo(wanted.get(i));
    }
    return wanted.size();
  }

  private static JsonNode greedy(String text, int tokens) throws Exception {
    return complete(
        request(text, tokens)
            .put("prompt_logprobs", 0)
            .put("return_token_ids", true)
            .put("ignore_eos", true));
  }

  private static ObjectNode request(String prompt, int tokens) {
    return JsonNodeFactory.instance
        .objectNode()
        .put("prompt", prompt)
        .put("max_tokens", tokens)
        .put("temperature", 0);
  }

  private static ObjectNode chat(String text) {
    var request = JsonNodeFactory.instance.objectNode().put("temperature", 0);
    request.putArray("messages").addObject().put("role", "user").put("content", text);
    return request;
  }

  private static JsonNode complete(ObjectNode request) throws Exception {
    return send(request).get("choices").get(0);
  }

  private static JsonNode send(ObjectNode request) throws Exception {
    var response = CLIENT.send(post(request), HttpResponse.BodyHandlers.ofString());
    assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
    return JSON.readTree(response.body());
  }

  private static HttpRequest post(ObjectNode request) {
    String path = request.has("messages") ? "/chat/completions" : "/completions";
    return HttpRequest.newBuilder(URI.create(url + path))
        .timeout(Duration.ofSeconds(60))
        .POST(HttpRequest.BodyPublishers.ofByteArray(JSON.writeValueAsBytes(request)))
        .build();
  }

  private static JsonNode get(String path) throws Exception {
    return JSON.readTree(
        CLIENT
            .send(
                HttpRequest.newBuilder(URI.create(url).resolve(path)).build(),
                HttpResponse.BodyHandlers.ofString())
            .body());
  }

  private static Process launch(String... args) throws IOException {
    String path =
        System.getProperty("jdk.module.path", "")
            + System.getProperty("path.separator")
            + System.getProperty("java.class.path");
    var command =
        new ArrayList<>(
            List.of(
                ProcessHandle.current().info().command().orElse("java"),
                "--add-modules",
                "jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-XX:+UseG1GC",
                "-Ddejavu.home=" + Repository.ROOT,
                "-cp",
                path,
                Dejavu.class.getName()));
    command.addAll(List.of(args));
    return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
  }

  /// Waits for the banner.
  private static String url(Process process) throws IOException {
    BufferedReader out = process.inputReader();
    for (String line = out.readLine(); line != null; line = out.readLine()) {
      var found = URL.matcher(line);
      if (found.find() && line.contains("url")) {
        return found.group();
      }
    }
    throw new IOException("the server ended without a banner");
  }
}
