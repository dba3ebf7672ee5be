package io.dejavu.clients;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Clients that send what they should not, or go away: each gets a clear answer or a closed
/// connection, the next request works, and nothing stays behind in the process.
@Timeout(60)
final class BadClientsTest {
  private static final String GOOD = "{\"prompt\": \"To be\", \"max_tokens\": 3}";
  private static final HttpClient CLIENT = HttpClient.newHttpClient();

  private final URI url = URI.create(ServerProcess.url());

  @AfterEach
  void theNextRequestWorksAndNothingStaysBehind() throws Exception {
    assertThat(post("/completions", GOOD.getBytes(ISO_8859_1)).statusCode()).isEqualTo(200);
    awaitZero("dejavu_sequences_running");
    awaitZero("dejavu_sequences_waiting");
    awaitZero("dejavu_kv_blocks_in_use");
    assertThat(metric("dejavu_kv_blocks_leaked")).isZero();
  }

  /// Columns: path, body, status, part of the message. `«` and `»` stand for what is repeated.
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '§',
      textBlock =
          """
          /completions      | {"prompt": "To be"                              | 400 | ends too early
          /completions      | {"prompt": "To be", "temperature": NaN}         | 400 | no numbers in JSON
          /completions      | {"prompt": "To be", "temperature": 1e999}       | 400 | must be between
          /completions      | {"prompt": "To be", "max_tokens": -5}           | 400 | must be between
          /completions      | {"prompt": {"To": "be"}}                        | 400 | not an object
          /completions      | {"prompt": "««x»»"}                             | 400 | longer for sure
          /completions      | {"prompt": [«-1,»1]}                            | 400 | the context holds
          /completions      | {"prompt": "\u00ff\u00fe"}                     | 400 | not UTF-8
          /completions      | {"prompt": "To be", "stop": [«"x",»"x"]}        | 400 | at most 16
          /completions      | {"prompt": "To be", "user": «[»}                | 400 | nest deeper than 100
          /completions      | {"prompt": "To be", "guided_regex": "(a{20000}){20000}"} | 400 | repeats too much
          /completions      | {"prompt": "To be", "guided_json": «{"not":»1}  | 400 | nest deeper than 100
          /completions      | {"prompt": "To be", "guided_json": {"not": {}}} | 400 | not
          /chat/completions | {"messages": "Hi"}                              | 400 | a list of messages
          /chat/completions | []                                              | 400 | not a JSON object
          /embeddings       | {"input": []}                                   | 400 | empty list
          /nothing          | {}                                              | 404 | nothing is at
          """)
  void aMistakeIsAnswered(String path, String body, int status, String message) throws Exception {
    var all = expanded(body).getBytes(ISO_8859_1);

    var response = post(path, all);

    assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
    assertThat(response.body()).startsWith("{\"error\":{\"message\":").contains(message);
  }

  /// `«x»` is x ten thousand times, `««x»»` three million times.
  private static String expanded(String body) {
    return Pattern.compile("(«+)([^«»]*)(»+)?(?=[^»])")
        .matcher(body)
        .replaceAll(
            found -> found.group(2).repeat(found.group(1).length() == 1 ? 10_000 : 3_000_000));
  }

  @Test
  void bytesThatAreNotHttpEndTheConnection() throws Exception {
    byte[] hello = {0x16, 3, 1, 2, 0, 1, 0, 1, (byte) 0xfc, 3, 3}; // how TLS begins
    try (var socket = connect()) {
      socket.getOutputStream().write(hello);
      socket.shutdownOutput();
      socket.setSoTimeout(20_000);

      String answer = new String(socket.getInputStream().readAllBytes(), ISO_8859_1);

      assertThat(answer)
          .satisfiesAnyOf(
              text -> assertThat(text).isEmpty(),
              text -> assertThat(text).startsWith("HTTP/1.1 400 "));
    }
  }

  @Test
  void requestsThatNeverEndHoldNobodyUp() throws Exception {
    var slow = new ArrayList<Socket>();
    for (int i = 0; i < 64; i++) {
      var socket = connect();
      socket.getOutputStream().write(head(1000).concat("{\"prompt\"").getBytes(ISO_8859_1));
      slow.add(socket);
    }

    assertThat(post("/completions", GOOD.getBytes(ISO_8859_1)).statusCode()).isEqualTo(200);
    for (var socket : slow) {
      socket.close();
    }
  }

  @Test
  void streamsWhoseClientsReadNothingAndBreakOffGiveEverythingBack() throws Exception {
    String body =
        "{\"prompt\": \"To be\", \"max_tokens\": 400, \"ignore_eos\": true, \"n\": 2, \"stream\": true}";
    var clients = new ArrayList<Socket>();
    for (int i = 0; i < 8; i++) {
      var socket = new Socket();
      socket.setReceiveBufferSize(4096);
      socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), url.getPort()));
      socket.getOutputStream().write((head(body.length()) + body).getBytes(ISO_8859_1));
      clients.add(socket);
    }
    await("dejavu_sequences_running", running -> running > 0);

    for (var socket : clients) {
      socket.setSoLinger(true, 0); // a reset, not a farewell
      socket.close();
    }
  }

  private static String head(int length) {
    return String.join(
        "\r\n",
        "POST /v1/completions HTTP/1.1",
        "Host: x",
        "Authorization: Bearer " + ServerProcess.KEY,
        "Content-Length: " + length,
        "",
        "");
  }

  private Socket connect() throws IOException {
    return new Socket(InetAddress.getLoopbackAddress(), url.getPort());
  }

  private HttpResponse<String> post(String path, byte[] body)
      throws IOException, InterruptedException {
    var request =
        HttpRequest.newBuilder(URI.create(url + path))
            .header("Authorization", "Bearer " + ServerProcess.KEY)
            .timeout(Duration.ofSeconds(50))
            .POST(HttpRequest.BodyPublishers.ofByteArray(body))
            .build();
    return CLIENT.send(request, HttpResponse.BodyHandlers.ofString());
  }

  private void awaitZero(String metric) throws IOException, InterruptedException {
    await(metric, value -> value == 0);
  }

  private void await(String metric, java.util.function.DoublePredicate wanted)
      throws IOException, InterruptedException {
    long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
    double value = metric(metric);
    while (!wanted.test(value)) {
      assertThat(System.nanoTime()).as("%s stays %s", metric, value).isLessThan(end);
      Thread.sleep(20);
      value = metric(metric);
    }
  }

  private double metric(String name) throws IOException, InterruptedException {
    var response =
        CLIENT.send(
            HttpRequest.newBuilder(url.resolve("/metrics"))
                .header("Authorization", "Bearer " + ServerProcess.KEY)
                .build(),
            HttpResponse.BodyHandlers.ofString());
    List<String> found =
        response.body().lines().filter(line -> line.matches(name + "(\\{.*})? .*")).toList();
    assertThat(found).as(name).hasSize(1);
    return Double.parseDouble(found.getFirst().substring(found.getFirst().lastIndexOf(' ') + 1));
  }
}
