package io.dejavu.api;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Bytes that no honest HTTP client sends: the answer is a clear one, or the connection ends, and
/// nothing in them is taken for another request.
class RawHttpTest {
  private static final Pattern STATUS = Pattern.compile("HTTP/1\\.1 (\\d{3}) ");
  private static final String BODY = "{\"prompt\": \"Hi\", \"max_tokens\": 5}";
  private static final String CHUNKED = "%x\r\n%s\r\n0\r\n\r\n".formatted(BODY.length(), BODY);

  private static ServerFixture api;

  @BeforeAll
  static void open() throws BindException {
    api = new ServerFixture();
  }

  @AfterAll
  static void close() {
    api.close();
  }

  @AfterEach
  void theNextRequestWorks() throws Exception {
    var answer = api.complete(BODY);

    assertThat(answer.get("choices").get(0).get("text").stringValue()).isEqualTo("Hello");
    assertThat(api.engine.live).isEmpty();
  }

  /// Two ways to say where the request ends. If one server believes the one and a proxy before it
  /// the other, the rest is a request that the proxy never saw.
  static List<String> smuggled() {
    String hidden = "GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n";
    var requests = new ArrayList<String>();
    for (String headers :
        List.of(
            "Content-Length: 6\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\nContent-Length: 6",
            "Content-Length: 4\r\nContent-Length: 40",
            "Content-Length: 4, 40",
            "Content-Length: +4",
            "Content-Length: 0x4",
            "Content-Length: 4 4",
            "Content-Length:",
            "Content-Length: -1",
            "Content-Length: 99999999999999999999",
            "Transfer-Encoding: identity",
            "Transfer-Encoding: xchunked",
            "Transfer-Encoding: chunked, identity",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
            "Transfer-Encoding : chunked",
            " Transfer-Encoding: chunked",
            "Transfer-Encoding\t: chunked",
            "X: y\r\n Content-Length: 4")) {
      requests.add(
          "POST /v1/completions HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n\r\n0\r\n\r\n" + hidden);
    }
    return requests;
  }

  @ParameterizedTest
  @MethodSource("smuggled")
  void nothingIsSmuggled(String request) throws IOException {
    var statuses = statuses(raw(request));

    // Refused; or, where there is no length at all, refused as empty before the rest is read.
    assertThat(statuses).hasSizeLessThanOrEqualTo(1);
    assertThat(statuses).allMatch(status -> status >= 400 && status < 500);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "zz\r\n{}\r\n0\r\n\r\n",
        "-1\r\n{}\r\n0\r\n\r\n",
        "+2\r\n{}\r\n0\r\n\r\n",
        "0x2\r\n{}\r\n0\r\n\r\n",
        "ffffffffffffffff\r\n{}\r\n0\r\n\r\n",
        "7fffffff\r\n{}\r\n0\r\n\r\n",
        "2\r\n{}x\r\n0\r\n\r\n",
        "2\n{}\n0\n\n",
        "\r\n"
      })
  void brokenChunksAreRefused(String chunks) throws IOException {
    var statuses =
        statuses(
            raw(
                "POST /v1/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + chunks));

    assertThat(statuses).hasSizeLessThanOrEqualTo(1);
    assertThat(statuses).allMatch(status -> status >= 400 && status < 500);
  }

  @Test
  void goodChunksAreNot() throws IOException {
    String request =
        "POST /v1/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
            + "Connection: close\r\n\r\n"
            + CHUNKED;

    assertThat(statuses(raw(request, false))).containsExactly(200);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "GET /health HTTP/1.1\r\n\r\n", // no Host
        "GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET /health HTTP/2.0\r\nHost: x\r\n\r\n",
        "GET /health HTTP/9.9\r\nHost: x\r\n\r\n",
        "GET /health\r\n\r\n",
        "GET  /health HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /he alth HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost x\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: x\r\nA\u0000B: c\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: x\r\nA: \u0000\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003\r\n\r\n", // TLS
        "\r\n\r\n\r\n\r\n",
        "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n",
        "GET http://example.com/health HTTP/1.1\r\nHost: x y\r\n\r\n"
      })
  void brokenRequestsAreRefused(String request) throws IOException {
    var statuses = statuses(raw(request));

    assertThat(statuses).hasSizeLessThanOrEqualTo(1);
    assertThat(statuses).allMatch(status -> status >= 400 && status < 600 && status != 500);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/../../etc/passwd",
        "/v1/models/../../../etc/passwd",
        "/v1/models/%2e%2e/%2e%2e/etc/passwd",
        "/v1/models/..%2f..%2fetc%2fpasswd",
        "/v1/models/%00",
        "/v1/models/%",
        "/v1/models/%zz",
        "/v1/models/\\..\\..\\boot.ini",
        "//v1//completions/x",
        "/v1/completions;x=y/../models/z",
        "/v1/completions%00.json",
        "/%c0%ae%c0%ae/etc/passwd",
        "/v1/models/<script>alert(1)</script>"
      })
  void pathTricksLeadNowhere(String path) throws IOException {
    String answer = raw("GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

    assertThat(statuses(answer)).singleElement().isIn(400, 404, 405);
    assertThat(answer).contains("application/json").contains("\"error\"").doesNotContain("root:");
  }

  @ParameterizedTest
  @ValueSource(strings = {"PUT", "DELETE", "PATCH", "TRACE", "HEAD", "PROPFIND", "FOO", "get"})
  void otherMethodsAreRefused(String method) throws IOException {
    String answer =
        raw(method + " /v1/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

    assertThat(statuses(answer)).singleElement().isIn(400, 405, 501);
    assertThat(answer).doesNotContain("TRACE /v1");
  }

  @Test
  void proxiesAndClientsHearWhatIsNotUnderstood() throws IOException {
    String old = raw("POST /v1/completions HTTP/1.0\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}");
    String zipped =
        raw(
            "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\n"
                + "Content-Length: 2\r\n\r\n{}");

    assertThat(statuses(old)).containsExactly(505);
    assertThat(old).contains("only HTTP/1.1").contains("proxy_http_version 1.1");
    assertThat(statuses(zipped)).containsExactly(400);
    assertThat(zipped).contains("Content-Encoding");
  }

  @Test
  void hugeHeadersAreRefused() throws IOException {
    for (String request :
        List.of(
            "GET /" + "x".repeat(10_000) + " HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET /health HTTP/1.1\r\nHost: x\r\n" + "X: y\r\n".repeat(10_000) + "\r\n",
            "GET /health HTTP/1.1\r\nHost: x\r\n" + "X".repeat(50_000) + ": y\r\n\r\n")) {
      assertThat(statuses(raw(request))).allMatch(status -> status >= 400 && status < 500);
    }
  }

  private static List<Integer> statuses(String answers) {
    return STATUS.matcher(answers).results().map(found -> Integer.valueOf(found.group(1))).toList();
  }

  /// All that the server says until it ends the connection, which it does when it has read all.
  private static String raw(String request) throws IOException {
    return raw(request, true);
  }

  private static String raw(String request, boolean ends) throws IOException {
    try (var socket = new Socket(InetAddress.getLoopbackAddress(), api.server.port())) {
      socket.setSoTimeout(10_000);
      socket.getOutputStream().write(request.getBytes(ISO_8859_1));
      if (ends) {
        socket.shutdownOutput();
      }
      var answer = new StringBuilder();
      try {
        for (int next; (next = socket.getInputStream().read()) >= 0; ) {
          answer.append((char) next);
        }
      } catch (java.net.SocketException _) {
        answer.append(""); // reset: it does not want to read the rest
      }
      return answer.toString();
    }
  }
}
