package io.dejavu.api;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import org.junit.jupiter.api.Test;

/// Whatever happens, and however much is logged: no key, no header and no prompt.
class SecretsTest {
  private static final String KEY = "sk-canary-1234";
  private static final String PROMPT = "PROMPTCANARY";

  @Test
  void neitherKeysNorPromptsAreLogged() throws Exception {
    var log = new ConcurrentLinkedQueue<String>();
    var root = Logger.getLogger("");
    var before = root.getLevel();
    var listener = listener(log);
    root.setLevel(Level.ALL);
    root.addHandler(listener);
    var access = new Access(() -> ApiKeys.of(KEY), RateLimits.NONE, Set.of(), false);
    try (var api = new ServerFixture(ApiConfig.DEFAULT.with(access), new ByteTokenizer())) {
      everything(api);
    } finally {
      root.removeHandler(listener);
      root.setLevel(before);
    }

    assertThat(log).isNotEmpty();
    assertThat(log).noneMatch(line -> line.contains("canary") || line.contains(PROMPT));
  }

  private static void everything(ServerFixture api) throws Exception {
    String good = "{\"prompt\": \"" + PROMPT + "\", \"max_tokens\": 5, \"user\": \"canary\"}";
    for (String body :
        List.of(
            good,
            good.replace("}", ", \"stream\": true}"),
            "{\"prompt\": " + PROMPT,
            "{\"prompt\": [\"" + PROMPT + "\"], \"max_tokens\": \"canary\"}",
            "{\"" + PROMPT + "\": 1}")) {
      for (String key : List.of(KEY, KEY + "-wrong")) {
        api.send(api.posted(body).header("Authorization", "Bearer " + key).build());
      }
    }
    api.engine.fails("a kernel broke");
    api.engine.pace(Duration.ofMillis(1));
    var failed = api.send(api.posted(good).header("api-key", KEY).build());
    assertThat(failed.statusCode()).isEqualTo(500);
    for (String broken :
        List.of(
            "GET /" + PROMPT + " HTTP/1.1\r\nHost: x\r\nAuthorization: " + KEY + "\r\nX Y\r\n\r\n",
            "POST /v1/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
                + KEY
                + "\r\nTransfer-Encoding: chunked\r\n\r\nzz"
                + PROMPT
                + "\r\n",
            "POST /v1/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
                + KEY
                + "\r\nContent-Length: 1000\r\n\r\n{\"prompt\": \""
                + PROMPT)) {
      try (var socket = new Socket(InetAddress.getLoopbackAddress(), api.server.port())) {
        socket.setSoTimeout(10_000);
        socket.getOutputStream().write(broken.getBytes(ISO_8859_1));
        socket.shutdownOutput();
        socket.getInputStream().readAllBytes();
      }
    }
  }

  private static Handler listener(ConcurrentLinkedQueue<String> log) {
    return new Handler() {
      private final SimpleFormatter formatter = new SimpleFormatter();

      @Override
      public void publish(LogRecord record) {
        if (record.getLoggerName() == null
            || !record.getLoggerName().matches("io\\.(dejavu|helidon)\\..*")) {
          return; // such as what the test's own client says
        }
        var text = new StringWriter();
        text.append(formatter.formatMessage(record));
        if (record.getThrown() != null) {
          record.getThrown().printStackTrace(new PrintWriter(text, true));
        }
        log.add(text.toString());
      }

      @Override
      public void flush() {}

      @Override
      public void close() {}
    };
  }
}
