package io.dejavu.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// What a real server exports after real requests, and whether documents and dashboard agree.
final class MetricsTest {
  private static final Pattern SAMPLE =
      Pattern.compile("([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\\{(.*)})? ([-+0-9.eEInfNa]+)");
  private static final Pattern LABELS =
      Pattern.compile("[a-zA-Z_][a-zA-Z0-9_]*=\"(?:[^\"\\\\]|\\\\.)*\"(?:,(?!$)|$)");
  private static final Pattern METRIC =
      Pattern.compile("\\b(?:dejavu_|vllm:|jvm_|process_)[a-z0-9_]+");
  private static final HttpClient CLIENT = HttpClient.newHttpClient();

  private static LocalServer server;

  @BeforeAll
  static void start() throws Exception {
    var command = new ServeCommand();
    new CommandLine(command).parseArgs("--port", "0");
    server = command.start();
    complete(); // whatever has labels exists from now on
    awaitIdle(); // the server warms up by a generation of its own
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  @Test
  void aScrapeIsValidAndItsCountersMove() throws Exception {
    var before = scrape();
    complete();
    var after = scrape();

    String labels = "{engine=\"0\",model_name=\"shakespeare-opt-7m\"}";
    assertThat(difference(before, after, "vllm:generation_tokens_total" + labels)).isEqualTo(8);
    assertThat(difference(before, after, "vllm:prompt_tokens_total" + labels)).isPositive();
    assertThat(difference(before, after, "vllm:time_to_first_token_seconds_count" + labels))
        .isEqualTo(1);
    assertThat(difference(before, after, "vllm:inter_token_latency_seconds_count" + labels))
        .isEqualTo(7);
    for (String phase : List.of("queue", "prefill", "decode", "inference")) {
      assertThat(
              difference(before, after, "vllm:request_" + phase + "_time_seconds_count" + labels))
          .as(phase)
          .isEqualTo(1);
    }
    assertThat(
            difference(
                before,
                after,
                "vllm:request_success_total"
                    + "{engine=\"0\",finished_reason=\"length\",model_name=\"shakespeare-opt-7m\"}"))
        .isEqualTo(1);
    assertThat(after).containsEntry("vllm:num_requests_running" + labels, 0.0);
    assertThat(after).containsEntry("vllm:kv_cache_usage_perc" + labels, 0.0);
    assertThat(after).containsEntry("dejavu_kv_blocks_leaked{model=\"shakespeare-opt-7m\"}", 0.0);
  }

  @Test
  void thePageOfMetricsListsWhatIsExportedAndNothingElse() throws Exception {
    Set<String> exported = families();
    exported.removeIf(name -> !name.startsWith("dejavu_") && !name.startsWith("vllm:"));
    var rows = Pattern.compile("(?m)^\\| `((?:dejavu_|vllm:)[^`]+)` \\| ([a-z]+) \\|");
    var documented = new TreeSet<String>();
    var page = rows.matcher(Files.readString(Repository.ROOT.resolve("docs/metrics.md")));
    while (page.find()) {
      documented.add(page.group(1) + " " + page.group(2));
    }

    assertThat(documented).isEqualTo(new TreeSet<>(exported));
  }

  @Test
  void theDashboardAsksForMetricsThatExist() throws Exception {
    var dashboard =
        new JsonMapper()
            .readTree(Files.readAllBytes(Repository.ROOT.resolve("docs/grafana/dejavu.json")));
    var asked = new TreeSet<String>();
    for (JsonNode panel : dashboard.get("panels")) {
      for (JsonNode target : panel.path("targets")) {
        var names = METRIC.matcher(target.get("expr").stringValue());
        while (names.find()) {
          asked.add(names.group());
        }
      }
    }
    for (JsonNode variable : dashboard.get("templating").get("list")) {
      var names = METRIC.matcher(variable.path("definition").stringValue(""));
      while (names.find()) {
        asked.add(names.group());
      }
    }
    var names = new TreeSet<String>();
    scrape().keySet().forEach(sample -> names.add(sample.replaceFirst("\\{.*", "")));

    assertThat(asked).hasSizeGreaterThan(30);
    assertThat(names).containsAll(asked);
  }

  private static double difference(
      Map<String, Double> before, Map<String, Double> after, String sample) {
    assertThat(before).containsKey(sample);
    return after.get(sample) - before.get(sample);
  }

  /// Every sample by its name and labels. Fails on a line that is not Prometheus' text format, and
  /// on a sample that is there twice.
  private static Map<String, Double> scrape() throws Exception {
    var samples = new HashMap<String, Double>();
    for (String line : get("/metrics").lines().toList()) {
      if (line.startsWith("# HELP ") || line.startsWith("# TYPE ")) {
        continue;
      }
      var sample = SAMPLE.matcher(line);
      assertThat(sample.matches()).as(line).isTrue();
      String labels = sample.group(2);
      if (labels != null) {
        assertThat(LABELS.matcher(labels).replaceAll("")).as(line).isEmpty();
      }
      String value = sample.group(3);
      var twice =
          samples.put(
              line.substring(0, line.lastIndexOf(' ')),
              value.endsWith("Inf") ? Double.POSITIVE_INFINITY : Double.parseDouble(value));
      assertThat(twice).as("%s is there twice", line).isNull();
    }
    return samples;
  }

  /// As `# TYPE` lines say: `name type`.
  private static Set<String> families() throws Exception {
    var families = new ArrayList<String>();
    for (String line : get("/metrics").lines().toList()) {
      if (line.startsWith("# TYPE ")) {
        families.add(line.substring("# TYPE ".length()));
      }
    }
    assertThat(families).doesNotHaveDuplicates();
    return new TreeSet<>(families);
  }

  private static void awaitIdle() throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!scrape()
        .get("vllm:num_requests_running{engine=\"0\",model_name=\"shakespeare-opt-7m\"}")
        .equals(0.0)) {
      assertThat(System.nanoTime()).as("the server is still busy").isLessThan(deadline);
      Thread.sleep(10);
    }
  }

  private static void complete() throws Exception {
    var request =
        HttpRequest.newBuilder(URI.create(server.url() + "/v1/completions"))
            .POST(
                HttpRequest.BodyPublishers.ofString(
                    "{\"prompt\": \"ROMEO:\", \"max_tokens\": 8, \"ignore_eos\": true}"))
            .build();
    var answer = CLIENT.send(request, HttpResponse.BodyHandlers.ofString());
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
  }

  private static String get(String path) throws Exception {
    return CLIENT
        .send(
            HttpRequest.newBuilder(URI.create(server.url() + path)).build(),
            HttpResponse.BodyHandlers.ofString())
        .body();
  }
}
