package io.dejavu.api;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HexFormat;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The server through TLS, with certificates made for the test.
class TlsTest {
  private static final InstantSource NOW = InstantSource.system();
  private static final String STREAM =
      "{\"prompt\": \"Hi\", \"max_tokens\": 900, \"stream\": true, \"logprobs\": 3}";

  @TempDir private static Path folder;
  private static Certificates rsa;
  private static Certificates ec;
  private static Certificates past;

  @BeforeAll
  static void make() throws Exception {
    rsa = Certificates.make(folder, "rsa", "RSA -keysize 2048");
    ec = Certificates.make(folder, "ec", "EC -groupname secp256r1");
    past =
        Certificates.make(
            folder, "past", "Ed25519", "-startdate", "2020/01/01 00:00:00", "-validity", "10");
  }

  @Test
  void requestsAndStreamsGoThrough() throws Exception {
    try (var api =
            fixture(ServerTls.load(rsa.chain(), rsa.key(), null, NOW), Duration.ofSeconds(30));
        var client = client(rsa.client(ec))) {
      for (int i = 0; i < 3; i++) { // the second and third resume, or use the same connection
        var response = client.send(request(api, STREAM), HttpResponse.BodyHandlers.ofString());

        assertThat(response.statusCode()).isEqualTo(200);
        assertThat(response.body()).endsWith("data: [DONE]\n\n");
        assertThat(response.body().lines().filter(line -> line.startsWith("data:")).count())
            .isGreaterThan(1);
      }
      String large =
          "{\"prompt\": \"Hi\", \"max_tokens\": 5, \"user\": \"%s\"}"
              .formatted("x".repeat(3_000_000)); // many records
      assertThat(
              client.send(request(api, large), HttpResponse.BodyHandlers.ofString()).statusCode())
          .isEqualTo(200);
    }
  }

  @Test
  void aClientThatLeavesCancels() throws Exception {
    try (var api =
        fixture(ServerTls.load(ec.chain(), ec.key(), null, NOW), Duration.ofSeconds(30))) {
      api.engine.pace(Duration.ofMillis(5));
      try (var socket = connect(api, ec.client(rsa))) {
        post(socket, STREAM);
        assertThat(socket.getInputStream().read()).isEqualTo('H');
        assertThat(api.engine.live).hasSize(1);
      }

      Waiting.until(() -> api.engine.cancelled.size() == 1 && api.engine.live.isEmpty());
    }
  }

  @Test
  void aClientThatDoesNotReadIsDropped() throws Exception {
    var tls = ServerTls.load(ec.chain(), ec.key(), null, NOW);
    var config = Deadlines.of(Duration.ofSeconds(30), Duration.ofMillis(500)).with(tls);
    try (var api = new ServerFixture(config, new ByteTokenizer());
        var socket = new Socket()) {
      socket.setReceiveBufferSize(4096);
      socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), api.server.port()));
      var secure =
          (SSLSocket) ec.client(rsa).getSocketFactory().createSocket(socket, "localhost", 0, false);
      post(
          secure,
          "{\"prompt\": \"Hi\", \"max_tokens\": 900, \"stream\": true, \"logprobs\": 20, \"n\": 40}");

      Waiting.until(() -> api.engine.requests.size() == 40);
      Waiting.until(() -> api.engine.live.isEmpty());
    }
  }

  @Test
  void whoNeverShakesHandsIsDroppedAndOthersAreNot() throws Exception {
    var tls = ServerTls.load(ec.chain(), ec.key(), null, NOW);
    try (var api = fixture(tls, Duration.ofSeconds(3));
        var silent = new Socket(InetAddress.getLoopbackAddress(), api.server.port());
        var half = new Socket(InetAddress.getLoopbackAddress(), api.server.port());
        var cut = new Socket(InetAddress.getLoopbackAddress(), api.server.port());
        var client = client(ec.client(rsa))) {
      half.getOutputStream().write(HexFormat.of().parseHex("160301020001")); // the hello begins
      cut.getOutputStream().write(HexFormat.of().parseHex("16030102000100")); // and never goes on
      cut.shutdownOutput();

      for (var socket : java.util.List.of(silent, half, cut)) {
        socket.setSoTimeout(10_000);
        assertNothingOrAnAlert(read(socket));
      }
      var response =
          client.send(
              request(api, "{\"prompt\": \"Hi\", \"max_tokens\": 5}"),
              HttpResponse.BodyHandlers.ofString());
      assertThat(response.statusCode()).isEqualTo(200);
    }
  }

  @Test
  void garbageIsAnsweredWithAnAlertAndPlainHttpWithWords() throws Exception {
    var tls = ServerTls.load(ec.chain(), ec.key(), null, NOW);
    try (var api = fixture(tls, Duration.ofSeconds(30));
        var garbage = new Socket(InetAddress.getLoopbackAddress(), api.server.port());
        var plain = new Socket(InetAddress.getLoopbackAddress(), api.server.port())) {
      garbage.getOutputStream().write(new byte[100]);
      plain.getOutputStream().write("GET /health HTTP/1.1\r\nHost: x\r\n\r\n".getBytes(ISO_8859_1));

      garbage.setSoTimeout(10_000);
      assertNothingOrAnAlert(read(garbage));
      plain.setSoTimeout(10_000);
      assertThat(new String(read(plain), ISO_8859_1))
          .startsWith("HTTP/1.1 400 ")
          .contains("this port speaks HTTPS only");
    }
  }

  @Test
  void clientsMayNeedACertificate() throws Exception {
    var tls = ServerTls.load(rsa.chain(), rsa.key(), ec.chain(), NOW);
    try (var api = fixture(tls, Duration.ofSeconds(30));
        var known = client(rsa.client(ec));
        var unknown = client(rsa.client(rsa))) {
      var request = request(api, "{\"prompt\": \"Hi\", \"max_tokens\": 5}");

      var response = known.send(request, HttpResponse.BodyHandlers.ofString());

      assertThat(response.statusCode()).isEqualTo(200);
      assertThatThrownBy(() -> unknown.send(request, HttpResponse.BodyHandlers.ofString()))
          .isInstanceOf(IOException.class);
      assertThat(api.engine.requests).hasSize(1);
    }
  }

  @Test
  void olderFormsOfKeysAreRead() throws Exception {
    var pkcs1 = Certificates.pem(folder, "pkcs1.key", "RSA PRIVATE KEY", rsa.inner());
    byte[] short1 = ec.inner();
    var sec1 = Certificates.pem(folder, "sec1.key", "EC PRIVATE KEY", withCurve(short1));
    var nameless = Certificates.pem(folder, "nameless.key", "EC PRIVATE KEY", short1);

    assertThat(ServerTls.load(rsa.chain(), pkcs1, null, NOW)).isNotNull();
    assertThat(ServerTls.load(ec.chain(), sec1, null, NOW)).isNotNull();
    assertProblem(ec.chain(), nameless, "nameless.key does not name its curve");
  }

  /// `SEQUENCE { 1, OCTET STRING, [0] { secp256r1 } }`.
  private static byte[] withCurve(byte[] sec1) {
    byte[] curve = HexFormat.of().parseHex("a00a06082a8648ce3d030107");
    var out = new ByteArrayOutputStream();
    out.write(0x30);
    out.write(3 + 34 + curve.length);
    out.write(sec1, 2, 3 + 34);
    out.writeBytes(curve);
    return out.toByteArray();
  }

  @Test
  void whatIsWrongWithTheFilesIsSaid() throws Exception {
    var der =
        Files.write(folder.resolve("der.crt"), rsa.store().getCertificate("key").getEncoded());
    var damaged =
        Files.writeString(
            folder.resolve("damaged.crt"),
            Files.readString(rsa.chain()).replaceFirst("MII", "MMM"));
    var encrypted =
        Certificates.pem(folder, "encrypted.key", "ENCRYPTED PRIVATE KEY", new byte[100]);
    var old =
        Files.writeString(
            folder.resolve("old.key"),
            """
            -----BEGIN RSA PRIVATE KEY-----
            Proc-Type: 4,ENCRYPTED
            DEK-Info: AES

            AAAA
            -----END RSA PRIVATE KEY-----
            """);
    var order =
        Files.writeString(
            folder.resolve("order.crt"),
            Files.readString(rsa.chain()) + Files.readString(ec.chain()));
    var otherRsa = Certificates.make(folder, "other", "RSA -keysize 2048");

    assertProblem(folder.resolve("none.crt"), rsa.key(), "none.crt does not exist");
    assertProblem(der, rsa.key(), "der.crt is not in PEM format");
    assertProblem(damaged, rsa.key(), "damaged.crt has a damaged certificate");
    assertProblem(rsa.key(), rsa.key(), "rsa.key has no certificate");
    assertProblem(rsa.chain(), rsa.chain(), "rsa.crt has no private key");
    assertProblem(rsa.chain(), encrypted, "encrypted.key is encrypted");
    assertProblem(rsa.chain(), old, "old.key is encrypted");
    assertProblem(order, rsa.key(), "the server's comes first");
    assertProblem(past.chain(), past.key(), "the certificate expired at 2020-01-11T");
    assertProblem(rsa.chain(), ec.key(), "ec.key has no valid private key of type RSA");
    assertProblem(rsa.chain(), otherRsa.key(), "other.key is not the key of the certificate in");
    assertThatThrownBy(
            () -> ServerTls.load(rsa.chain(), rsa.key(), null, InstantSource.fixed(Instant.EPOCH)))
        .hasMessageContaining("the certificate is valid from");
    assertThat(
            ServerTls.load(
                past.chain(),
                past.key(),
                null,
                InstantSource.fixed(Instant.parse("2020-01-05T00:00:00Z"))))
        .isNotNull();
  }

  private static void assertNothingOrAnAlert(byte[] answer) {
    assertThat(answer.length == 0 || answer[0] == 21).as(HexFormat.of().formatHex(answer)).isTrue();
  }

  private static void assertProblem(Path chain, Path key, String message) {
    assertThatThrownBy(() -> ServerTls.load(chain, key, null, NOW))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(message);
  }

  private static ServerFixture fixture(ServerTls tls, Duration read) throws IOException {
    return new ServerFixture(
        Deadlines.of(read, Duration.ofSeconds(30)).with(tls), new ByteTokenizer());
  }

  private static HttpClient client(SSLContext context) {
    return HttpClient.newBuilder().sslContext(context).build(); // offers HTTP/2
  }

  private static HttpRequest request(ServerFixture api, String body) {
    return HttpRequest.newBuilder(
            URI.create("https://localhost:" + api.server.port() + "/v1/completions"))
        .timeout(Duration.ofSeconds(20))
        .POST(HttpRequest.BodyPublishers.ofString(body))
        .build();
  }

  private static SSLSocket connect(ServerFixture api, SSLContext context)
      throws IOException, GeneralSecurityException {
    return (SSLSocket)
        context
            .getSocketFactory()
            .createSocket(InetAddress.getLoopbackAddress(), api.server.port());
  }

  private static void post(Socket socket, String body) throws IOException {
    socket
        .getOutputStream()
        .write(
            "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
                .formatted(body.length(), body)
                .getBytes(ISO_8859_1));
  }

  private static byte[] read(Socket socket) {
    try {
      return socket.getInputStream().readAllBytes();
    } catch (IOException _) {
      return new byte[0]; // reset instead of closed
    }
  }
}
