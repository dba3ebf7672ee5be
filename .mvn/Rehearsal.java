import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Writer;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.regex.Pattern;

static final Duration DEADLINE = Duration.ofSeconds(30);

/// Runs a server that records what it loads, asks it for a few tokens and stops it, after which the
/// JVM writes its AOT cache. Run by `./dejavu` once per build; the arguments are the server's
/// command line, on a port of its own choice. The server never outlives this process, nor the
/// deadline.
void main(String[] command) throws IOException, InterruptedException {
  var server = new ProcessBuilder(command).redirectErrorStream(true).start();
  Runtime.getRuntime().addShutdownHook(new Thread(() -> kill(server)));
  Thread.ofVirtual().start(() -> killLate(server));
  try (var lines = new BufferedReader(new InputStreamReader(server.getInputStream(), UTF_8))) {
    ask(url(lines));
    server.toHandle().destroy(); // SIGTERM: a graceful stop, at whose end the cache is written
    lines.transferTo(Writer.nullWriter());
    int exit = server.waitFor();
    // It ends by the signal, or by itself where it handles it.
    if (exit != 0 && exit != 128 + 15) {
      throw new IllegalStateException("the rehearsal's server ended with " + exit);
    }
  } finally {
    kill(server);
  }
}

void killLate(Process server) {
  try {
    if (!server.waitFor(DEADLINE)) {
      System.err.println("the rehearsal took longer than " + DEADLINE.toSeconds() + " s");
      kill(server);
    }
  } catch (InterruptedException e) {
    throw new IllegalStateException(e);
  }
}

/// The cache is written by a process that the server starts.
void kill(Process server) {
  server.descendants().forEach(ProcessHandle::destroyForcibly);
  server.destroyForcibly();
}

String url(BufferedReader lines) throws IOException {
  var url = Pattern.compile("http://\\S+/v1\\b");
  var seen = new StringBuilder();
  for (String line = lines.readLine(); line != null; line = lines.readLine()) {
    var match = url.matcher(line);
    if (match.find()) {
      return match.group();
    }
    seen.append(line).append(System.lineSeparator());
  }
  throw new IllegalStateException("the rehearsal's server did not start:\n" + seen);
}

void ask(String url) throws IOException, InterruptedException {
  var request =
      HttpRequest.newBuilder(URI.create(url + "/completions"))
          .timeout(DEADLINE)
          .POST(
              BodyPublishers.ofString(
                  """
                  {"prompt": "ROMEO:\\n", "max_tokens": 100, "stream": true}"""))
          .build();
  try (var client = HttpClient.newHttpClient()) {
    var answer = client.send(request, BodyHandlers.ofString());
    if (answer.statusCode() != 200) {
      throw new IllegalStateException("%d %s".formatted(answer.statusCode(), answer.body()));
    }
  }
}
