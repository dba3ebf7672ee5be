package io.dejavu.serve;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.serve.cli.ExitCode;
import io.dejavu.testkit.PretendHub;
import io.dejavu.testkit.PretendHub.Fault;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

/// Real processes that fetch a tiny model from a stand-in for the hub.
final class PullTest {
  private static final String COMMIT = "0123456789".repeat(4);
  private static final Path MODEL =
      Repository.ROOT.resolve("model/src/test/resources/goldens/llama");
  private static final Pattern URL = Pattern.compile("http://\\S+/v1");

  @TempDir Path home;
  private PretendHub hub;

  @BeforeEach
  void open() throws IOException {
    hub = PretendHub.open("org/tiny").revision("main", COMMIT);
    for (var name : List.of("config.json", "generation_config.json", "model.safetensors")) {
      hub.file(COMMIT, name, Files.readAllBytes(MODEL.resolve(name)), name.endsWith("ensors"));
    }
  }

  @AfterEach
  void close() {
    hub.close();
  }

  @Test
  void whatIsPulledIsServedAlsoWithoutTheHub() throws Exception {
    var pull = start("pull", "org/tiny");

    assertThat(lastLine(pull)).isEqualTo(snapshot().toString());
    assertThat(pull.exitValue()).isZero();
    hub.close();
    var server = start("serve", "org/tiny", "--port", "0");
    try {
      var answer =
          HttpClient.newHttpClient()
              .send(
                  HttpRequest.newBuilder(URI.create(url(server) + "/completions"))
                      .POST(
                          HttpRequest.BodyPublishers.ofString(
                              "{\"model\": \"org/tiny\", \"prompt\": [5, 6, 7], \"max_tokens\": 3}"))
                      .build(),
                  HttpResponse.BodyHandlers.ofString());

      assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
      assertThat(new JsonMapper().readTree(answer.body()).get("model").stringValue())
          .isEqualTo("org/tiny");
    } finally {
      server.destroyForcibly();
    }
  }

  @Test
  void twoProcessesAtOnceDoNoHarm() throws Exception {
    int half = (int) Files.size(MODEL.resolve("model.safetensors")) / 2;
    hub.faults("model.safetensors", new Fault.Cut(half), new Fault.Flip());

    var one = start("pull", "org/tiny");
    var two = start("pull", "org/tiny@" + COMMIT);

    assertThat(lastLine(one)).isEqualTo(lastLine(two)).isEqualTo(snapshot().toString());
    assertThat(snapshot().resolve("model.safetensors"))
        .hasSameBinaryContentAs(MODEL.resolve("model.safetensors"));
    try (var blobs = Files.list(snapshot().resolve("../../blobs"))) {
      assertThat(blobs).hasSize(3);
    }
  }

  @Test
  void aModelThatIsNotThereHasItsCode() throws Exception {
    var pull = start("pull", "org/tiny", "--revision", "v9");

    assertThat(lastLine(pull)).doesNotContain("snapshots");
    assertThat(pull.exitValue()).isEqualTo(ExitCode.HUB.code());
    assertThat(home.resolve("err")).content().contains("has no revision \"v9\"");
  }

  private Path snapshot() {
    return home.resolve("hub/models--org--tiny/snapshots").resolve(COMMIT);
  }

  private Process start(String... args) throws IOException {
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
                System.getProperty("jdk.module.path", "")
                    + System.getProperty("path.separator")
                    + System.getProperty("java.class.path"),
                Dejavu.class.getName()));
    command.addAll(List.of(args));
    var process = new ProcessBuilder(command);
    process
        .environment()
        .keySet()
        .removeIf(name -> name.toLowerCase(Locale.ROOT).endsWith("_proxy"));
    process.environment().put("HF_HOME", home.toString());
    process.environment().put("HF_ENDPOINT", hub.endpoint().toString());
    process.environment().remove("HF_HUB_CACHE");
    process.environment().remove("HF_HUB_OFFLINE");
    process.redirectError(ProcessBuilder.Redirect.appendTo(home.resolve("err").toFile()));
    return process.start();
  }

  /// Of what an ended process printed.
  private static String lastLine(Process process) throws Exception {
    String out = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    return out.strip().lines().reduce("", (_, line) -> line);
  }

  private static String url(Process process) throws IOException {
    var out = process.inputReader();
    for (String line = out.readLine(); line != null; line = out.readLine()) {
      var found = URL.matcher(line);
      if (found.find() && line.contains("url")) {
        return found.group();
      }
    }
    throw new IOException("the server ended without a banner");
  }
}
