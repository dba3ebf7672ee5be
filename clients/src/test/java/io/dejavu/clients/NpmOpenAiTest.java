package io.dejavu.clients;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/// OpenAI's official client for JavaScript. Needs Node.js 20, npm and its registry, so it runs when
/// asked for only: `mvn verify -P npm`.
@EnabledIfSystemProperty(named = "dejavu.npm", matches = "true")
final class NpmOpenAiTest {
  private static final Path SUITE = Path.of("src/test/npm");
  private static final Path FOLDER = Path.of("target/npm");

  @Test
  void theClientForJavaScriptIsContent() throws IOException, InterruptedException {
    Files.createDirectories(FOLDER);
    for (var file : new String[] {"package.json", "openai.test.js"}) {
      Files.copy(SUITE.resolve(file), FOLDER.resolve(file), StandardCopyOption.REPLACE_EXISTING);
    }

    run(Map.of(), "npm", "install", "--no-package-lock", "--no-audit", "--no-fund");
    run(
        Map.of(
            "DEJAVU_URL", ServerProcess.url(),
            "DEJAVU_KEY", ServerProcess.KEY,
            "DEJAVU_MODEL", ServerProcess.MODEL),
        "node",
        "--test",
        "openai.test.js");
  }

  private static void run(Map<String, String> environment, String... command)
      throws IOException, InterruptedException {
    var log = FOLDER.resolve(command[0] + ".log");
    var builder =
        new ProcessBuilder(command)
            .directory(FOLDER.toFile())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile());
    builder.environment().putAll(environment);
    var process = builder.start();
    try {
      assertThat(process.waitFor(5, TimeUnit.MINUTES)).as("%s ends", command[0]).isTrue();
      assertThat(process.exitValue()).as(Files.readString(log)).isZero();
    } finally {
      process.destroyForcibly();
    }
  }
}
