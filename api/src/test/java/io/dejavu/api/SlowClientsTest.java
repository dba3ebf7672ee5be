package io.dejavu.api;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.model.Tokenizer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;

/// Clients, and texts, that hold something for longer than they should.
class SlowClientsTest {
  private static final String SMALL = "{\"prompt\": \"Hi\", \"max_tokens\": 5}";

  @Test
  void connectionsThatSayNothingOrStopInTheMiddleAreClosed() throws Exception {
    var config = Deadlines.of(Duration.ofMillis(400), Duration.ofSeconds(30));
    try (var api = new ServerFixture(config, new ByteTokenizer())) {
      var sockets = new ArrayList<Socket>();
      for (String begun :
          List.of(
              "",
              "P",
              "POST /v1/completions HTTP/1.1\r\nHost: x\r\n",
              "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n",
              "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"prompt\"",
              "POST /v1/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{")) {
        var socket = connect(api);
        socket.getOutputStream().write(begun.getBytes(ISO_8859_1));
        sockets.add(socket);
      }

      for (var socket : sockets) {
        assertEnded(socket);
      }
      assertThat(api.engine.requests).isEmpty();
      assertThat(api.post(SMALL).statusCode()).isEqualTo(200);
    }
  }

  @Test
  void largeBodiesThatDoNotArriveDoNotHoldTheMemoryOfOthers() throws Exception {
    var config = ApiConfig.DEFAULT.limited(1 << 20, 100, 100);
    try (var api = new ServerFixture(config, new ByteTokenizer())) {
      var slow = new ArrayList<Socket>();
      for (int i = 0; i < 8; i++) {
        var socket = connect(api);
        socket
            .getOutputStream()
            .write(
                "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n{"
                    .getBytes(ISO_8859_1));
        slow.add(socket);
      }
      String large = SMALL.replace("}", ", \"user\": \"" + "x".repeat(100_000) + "\"}");

      Waiting.until(() -> status(api, large) == 429); // each try waits for 5 s
      assertThat(api.post(SMALL).statusCode()).as("small ones never wait").isEqualTo(200);
      for (var socket : slow) {
        socket.close();
      }
      Waiting.until(() -> status(api, large) == 200);
    }
  }

  @Test
  void aTextThatTakesTooLongToTokenizeHasADeadline() throws Exception {
    var config =
        Deadlines.of(Duration.ofSeconds(30), Duration.ofSeconds(30), Duration.ofMillis(500));
    var released = new CountDownLatch(1);
    var tokenizer = new StuckTokenizer(new ByteTokenizer(), released);
    try (var api = new ServerFixture(config, tokenizer);
        var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      String large = "{\"prompt\": \"" + "x".repeat(20_000) + "\"}";
      var statuses = new ArrayList<java.util.concurrent.Future<Integer>>();
      for (int i = 0; i < 4; i++) { // two are being tokenized, two wait for a thread
        statuses.add(threads.submit(() -> status(api, large)));
      }

      for (var status : statuses) {
        assertThat(status.get()).isEqualTo(504);
      }
      assertThat(api.post(SMALL).statusCode()).as("short ones need no thread").isEqualTo(200);
      released.countDown();
      Waiting.until(() -> status(api, large) == 400); // too long for the context, as it is
    }
  }

  /// Takes its time with long texts.
  private record StuckTokenizer(Tokenizer tokenizer, CountDownLatch released) implements Tokenizer {
    @Override
    public int[] encode(String text, boolean specialTokens) {
      if (text.length() > 10_000) {
        try {
          released.await();
        } catch (InterruptedException _) {
          Thread.currentThread().interrupt();
        }
      }
      return tokenizer.encode(text, specialTokens);
    }

    @Override
    public String decode(int[] ids, boolean skipSpecial) {
      return tokenizer.decode(ids, skipSpecial);
    }

    @Override
    public String token(int id) {
      return tokenizer.token(id);
    }

    @Override
    public byte[] bytes(int id, boolean first) {
      return tokenizer.bytes(id, first);
    }

    @Override
    public int id(String token) {
      return tokenizer.id(token);
    }

    @Override
    public boolean isSpecial(int id) {
      return tokenizer.isSpecial(id);
    }

    @Override
    public int vocabularySize() {
      return tokenizer.vocabularySize();
    }

    @Override
    public void close() {
      released.countDown();
      tokenizer.close();
    }
  }

  private static int status(ServerFixture api, String body) {
    try {
      return api.post(body).statusCode();
    } catch (IOException e) {
      throw new AssertionError(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }

  private static Socket connect(ServerFixture api) throws IOException {
    return new Socket(InetAddress.getLoopbackAddress(), api.server.port());
  }

  private static void assertEnded(Socket socket) throws IOException {
    try (socket) {
      socket.setSoTimeout(10_000);
      assertThat(socket.getInputStream().readAllBytes()).isEmpty();
    } catch (java.net.SocketException _) {
      assertThat(socket.isClosed()).as("reset is an end, too").isTrue();
    }
  }
}
