package io.dejavu.clients;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;

/// `dejavu serve` with the bundled model in a process of its own, asking for a key. All tests share
/// one; it ends with them.
final class ServerProcess {
  static final String MODEL = "shakespeare-opt-7m";
  static final String KEY = "sk-clients";

  static final Path CHECKPOINT = Path.of("..", "models", MODEL);

  private static final Pattern URL = Pattern.compile("http://\\S+/v1");

  private ServerProcess() {}

  /// The base URL that clients take, ending in `/v1`.
  static String url() {
    return Started.URL;
  }

  private static final class Started {
    static final String URL = start();
  }

  private static String start() {
    try {
      Path keys = Files.createTempFile("keys", "");
      keys.toFile().deleteOnExit();
      Files.writeString(keys, "tests:" + KEY + "\n");
      var process =
          new ProcessBuilder(
                  List.of(
                      ProcessHandle.current().info().command().orElse("java"),
                      "--add-modules=jdk.incubator.vector",
                      "--enable-native-access=ALL-UNNAMED",
                      "-XX:+UseG1GC",
                      "-Ddejavu.home=" + Path.of("..").toAbsolutePath().normalize(),
                      "-cp",
                      System.getProperty("java.class.path"),
                      "io.dejavu.serve.Dejavu",
                      "serve",
                      "--port",
                      "0",
                      "--tool-call-parser",
                      "hermes",
                      "--api-key-file",
                      keys.toString()))
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start();
      Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
      return url(process.inputReader());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Waits for the banner.
  private static String url(BufferedReader out) throws IOException {
    for (String line = out.readLine(); line != null; line = out.readLine()) {
      var found = URL.matcher(line);
      if (found.find() && line.contains("url")) {
        return found.group();
      }
    }
    throw new IOException("the server ended without a banner");
  }
}
