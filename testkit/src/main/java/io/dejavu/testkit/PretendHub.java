package io.dejavu.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/// A stand-in for the Hugging Face hub on loopback, with a second server ("CDN", another port)
/// where large files lie, and with the faults that networks have.
public final class PretendHub implements AutoCloseable {
  /// What goes wrong with one answer that has a body.
  public sealed interface Fault {
    /// The connection ends after so many bytes of the body.
    record Cut(int after) implements Fault {}

    /// One byte is another one.
    record Flip() implements Fault {}

    /// A whole answer, of the first bytes only.
    record Shorten(int to) implements Fault {}

    /// `Range` is not understood.
    record NoRanges() implements Fault {}

    /// Nothing more comes after so many bytes, and the connection stays open.
    record Stall(int after) implements Fault {}

    /// An error, with a header and its value.
    record Status(int code, String header, String value) implements Fault {}
  }

  /// A request as it came.
  ///
  /// @param server `hub` or `cdn`
  /// @param range of the header, else empty
  /// @param authorization of the header, else empty
  public record Seen(
      String server, String method, String path, String range, String authorization) {}

  private record Content(byte[] bytes, boolean large) {}

  private final HttpServer hub;
  private final HttpServer cdn;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final CountDownLatch closed = new CountDownLatch(1);
  private final Map<String, Map<String, Content>> commits = new ConcurrentHashMap<>();
  private final Map<String, String> revisions = new ConcurrentHashMap<>();
  private final Map<String, Queue<Fault>> faults = new ConcurrentHashMap<>();
  private final Queue<Seen> seen = new ConcurrentLinkedQueue<>();
  private volatile Predicate<String> mayRead = _ -> true;
  private volatile boolean describes = true;
  private final String repo;

  private PretendHub(String repo, HttpServer hub, HttpServer cdn) {
    this.repo = repo;
    this.hub = hub;
    this.cdn = cdn;
  }

  /// @param repo `ORG/NAME`, the only one
  public static PretendHub open(String repo) throws IOException {
    var address = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    var pretended =
        new PretendHub(repo, HttpServer.create(address, 0), HttpServer.create(address, 0));
    pretended.start();
    return pretended;
  }

  private void start() {
    start(hub, true);
    start(cdn, false);
  }

  private void start(HttpServer server, boolean isHub) {
    server.setExecutor(threads);
    server.createContext("/", exchange -> answer(isHub, exchange));
    server.start();
  }

  public URI endpoint() {
    return URI.create("http://127.0.0.1:" + hub.getAddress().getPort());
  }

  /// Adds a file to a commit; one of `large` lies on the CDN.
  public PretendHub file(String commit, String name, byte[] bytes, boolean large) {
    commits
        .computeIfAbsent(commit, _ -> new ConcurrentHashMap<>())
        .put(name, new Content(bytes, large));
    return this;
  }

  public PretendHub file(String commit, String name, String text) {
    return file(commit, name, text.getBytes(UTF_8), false);
  }

  /// Lets a branch or tag be a commit.
  public PretendHub revision(String name, String commit) {
    revisions.put(name, commit);
    return this;
  }

  /// The next answers with the bytes of a file have these faults, then none.
  public PretendHub faults(String file, Fault... next) {
    faults.computeIfAbsent(file, _ -> new ConcurrentLinkedQueue<>()).addAll(Arrays.asList(next));
    return this;
  }

  /// The next listings have these faults; only `Status` and `Stall` make sense.
  public PretendHub listingFaults(Fault.Status... next) {
    return faults("", next);
  }

  /// Files are for those whose `Authorization` passes; others are told that the model is gated.
  public PretendHub gate(Predicate<String> authorization) {
    mayRead = authorization;
    return this;
  }

  /// Whether listings have hashes and sizes, as the hub's have.
  public PretendHub describing(boolean hashes) {
    describes = hashes;
    return this;
  }

  public List<Seen> seen() {
    return List.copyOf(seen);
  }

  public void forget() {
    seen.clear();
  }

  private void answer(boolean fromHub, HttpExchange exchange) throws IOException {
    try (exchange) {
      String path = exchange.getRequestURI().getPath();
      seen.add(
          new Seen(
              fromHub ? "hub" : "cdn",
              exchange.getRequestMethod(),
              path,
              header(exchange, "Range"),
              header(exchange, "Authorization")));
      String api = "/api/models/" + repo + "/revision/";
      String resolve = "/" + repo + "/resolve/";
      if (fromHub && path.startsWith(api)) {
        list(exchange, path.substring(api.length()));
      } else if (fromHub && path.startsWith(resolve)) {
        String[] parts = path.substring(resolve.length()).split("/", 2);
        resolve(exchange, revisions.getOrDefault(parts[0], parts[0]), parts[1]);
      } else if (!fromHub) {
        String[] parts = path.substring(1).split("/", 2);
        var file = commits.getOrDefault(parts[0], Map.of()).get(parts[1]);
        bytes(exchange, parts[1], file == null ? new byte[0] : file.bytes());
      } else {
        status(exchange, 404, Map.of("X-Error-Code", "RepoNotFound"));
      }
    }
  }

  private static String header(HttpExchange exchange, String name) {
    String value = exchange.getRequestHeaders().getFirst(name);
    return value == null ? "" : value;
  }

  private static void status(HttpExchange exchange, int code, Map<String, String> headers)
      throws IOException {
    headers.forEach(exchange.getResponseHeaders()::set);
    exchange.sendResponseHeaders(code, -1);
  }

  private void list(HttpExchange exchange, String revision) throws IOException {
    var fault = faults.getOrDefault("", new ArrayDeque<>()).poll();
    if (fault instanceof Fault.Status(int code, String header, String value)) {
      status(exchange, code, Map.of(header, value));
      return;
    }
    String commit = revisions.getOrDefault(revision, revision);
    var files = commits.get(commit);
    if (files == null) {
      status(exchange, 404, Map.of("X-Error-Code", "RevisionNotFound"));
      return;
    }
    String siblings =
        files.entrySet().stream()
            .map(file -> sibling(file.getKey(), file.getValue()))
            .collect(Collectors.joining(","));
    byte[] json = "{\"sha\":\"%s\",\"siblings\":[%s]}".formatted(commit, siblings).getBytes(UTF_8);
    exchange.getResponseHeaders().set("Content-Type", "application/json");
    exchange.sendResponseHeaders(200, json.length);
    exchange.getResponseBody().write(json);
  }

  private String sibling(String name, Content file) {
    String quoted = "\"rfilename\":\"" + name.replace("\\", "\\\\") + "\"";
    if (!describes) {
      return "{" + quoted + "}";
    }
    int size = file.bytes().length;
    return file.large()
        ? "{%s,\"size\":%d,\"blobId\":\"%s\",\"lfs\":{\"sha256\":\"%s\",\"size\":%d,\"pointerSize\":134}}"
            .formatted(quoted, size, "0".repeat(40), etag(file.bytes(), true), size)
        : "{%s,\"size\":%d,\"blobId\":\"%s\"}".formatted(quoted, size, etag(file.bytes(), false));
  }

  private void resolve(HttpExchange exchange, String commit, String name) throws IOException {
    if (!mayRead.test(header(exchange, "Authorization"))) {
      boolean known = !header(exchange, "Authorization").isEmpty();
      status(exchange, known ? 403 : 401, Map.of("X-Error-Code", "GatedRepo"));
      return;
    }
    var headers = exchange.getResponseHeaders();
    headers.set("X-Repo-Commit", commit);
    var file = commits.getOrDefault(commit, Map.of()).get(name);
    if (file == null) {
      status(exchange, 404, Map.of("X-Error-Code", "EntryNotFound"));
      return;
    }
    if (file.large()) {
      headers.set("X-Linked-Etag", "\"" + etag(file.bytes(), true) + "\"");
      headers.set("X-Linked-Size", Integer.toString(file.bytes().length));
      headers.set(
          "Location",
          "http://127.0.0.1:%d/%s/%s?signature=secret"
              .formatted(cdn.getAddress().getPort(), commit, name));
      exchange.sendResponseHeaders(302, -1);
    } else {
      headers.set("ETag", "\"" + etag(file.bytes(), false) + "\"");
      bytes(exchange, name, file.bytes());
    }
  }

  private void bytes(HttpExchange exchange, String name, byte[] whole) throws IOException {
    if (exchange.getRequestMethod().equals("HEAD")) {
      exchange.getResponseHeaders().set("Content-Length", Integer.toString(whole.length));
      exchange.sendResponseHeaders(200, -1);
      return;
    }
    var fault = faults.getOrDefault(name, new ArrayDeque<>()).poll();
    if (fault instanceof Fault.Status(int code, String header, String value)) {
      status(exchange, code, Map.of(header, value));
      return;
    }
    byte[] sent = whole.clone();
    if (fault instanceof Fault.Flip) {
      sent[sent.length - 1] ^= 1;
    }
    if (fault instanceof Fault.Shorten(int to)) {
      sent = Arrays.copyOf(sent, to);
    }
    int from = 0;
    String range = header(exchange, "Range");
    if (!range.isEmpty() && !(fault instanceof Fault.NoRanges)) {
      from = Integer.parseInt(range.replaceAll("bytes=(\\d+)-", "$1"));
      exchange
          .getResponseHeaders()
          .set("Content-Range", "bytes %d-%d/%d".formatted(from, sent.length - 1, sent.length));
    }
    exchange.sendResponseHeaders(from > 0 ? 206 : 200, sent.length - from);
    write(exchange.getResponseBody(), Arrays.copyOfRange(sent, from, sent.length), fault);
  }

  private void write(OutputStream out, byte[] rest, Fault fault) throws IOException {
    switch (fault) {
      case Fault.Cut(int after) -> out.write(rest, 0, Math.min(after, rest.length));
      case Fault.Stall(int after) -> {
        out.write(rest, 0, Math.min(after, rest.length));
        out.flush();
        waitForEnd();
      }
      case null, default -> out.write(rest);
    }
    out.flush();
  }

  private void waitForEnd() {
    try {
      closed.await(1, TimeUnit.MINUTES);
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  /// As the hub names content: SHA-256 of large files, git's hash of others.
  public static String etag(byte[] bytes, boolean large) {
    try {
      var hash = MessageDigest.getInstance(large ? "SHA-256" : "SHA-1");
      if (!large) {
        hash.update("blob %d\0".formatted(bytes.length).getBytes(UTF_8));
      }
      return HexFormat.of().formatHex(hash.digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    closed.countDown();
    hub.stop(0);
    cdn.stop(0);
    threads.shutdownNow();
  }
}
