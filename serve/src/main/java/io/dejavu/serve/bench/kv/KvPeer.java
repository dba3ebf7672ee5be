package io.dejavu.serve.bench.kv;

import io.dejavu.kv.KvLayout;
import io.dejavu.serve.cli.OwnProcess;
import io.dejavu.transport.Address;
import io.dejavu.transport.Connection;
import io.dejavu.transport.Deadline;
import io.dejavu.transport.Identity;
import io.dejavu.transport.SharedSecret;
import io.dejavu.transport.Transport;
import io.dejavu.transport.TransportConfig;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Another process that keys and values can be streamed to: {@link BenchKvPeerCommand}, as seen
/// from here. It ends when this closes, or this process does.
final class KvPeer implements AutoCloseable {
  /// Longest wait for anything.
  static final Duration PATIENCE = Duration.ofSeconds(60);

  private static final String END = "";

  private final Process process;
  private final @Nullable Path folder;
  private final SharedSecret secret;
  private final LinkedBlockingQueue<String> lines = new LinkedBlockingQueue<>();
  private final Address address;
  private final @Nullable ByteRate rate;

  private KvPeer(
      Process process, @Nullable Path folder, SharedSecret secret, @Nullable ByteRate rate)
      throws IOException {
    this.process = process;
    this.folder = folder;
    this.secret = secret;
    this.rate = rate;
    Thread.ofPlatform().daemon().name("peer-lines").start(() -> read(process.inputReader()));
    this.address = Address.parse(next());
  }

  /// Starts it.
  ///
  /// @param medium `shm`, `unix` or `tcp`
  /// @param sequences that come, and the layout of its memory
  /// @param rate of each connection to it; null: as fast as they are
  static KvPeer start(
      String medium, BenchSequences sequences, boolean checksums, @Nullable ByteRate rate)
      throws IOException {
    var folder = medium.equals("tcp") ? null : Files.createTempDirectory("dejavu-kv-");
    String where = folder == null ? "tcp://127.0.0.1:0" : medium + ":" + folder.resolve("peer");
    String secret = UUID.randomUUID().toString() + UUID.randomUUID();
    var process = OwnProcess.with("bench", "kv", "peer").start();
    boolean complete = false;
    try {
      var in = process.outputWriter();
      in.write(
          "%s%n%s%n%s%n%d%n%s%n"
              .formatted(secret, where, text(sequences.layout()), sequences.count(), checksums));
      in.flush();
      var peer = new KvPeer(process, folder, SharedSecret.of(secret), rate);
      complete = true;
      return peer;
    } finally {
      if (!complete) {
        process.destroyForcibly();
      }
    }
  }

  private static String text(KvLayout layout) {
    return "%d %d %d %d %d %s"
        .formatted(
            layout.layers().count(),
            layout.blocks(),
            layout.kvHeads(),
            layout.blockTokens(),
            layout.headSize(),
            layout.type());
  }

  private void read(BufferedReader from) {
    try {
      from.lines().forEach(lines::add);
    } finally {
      lines.add(END);
    }
  }

  /// Connects to it.
  ///
  /// @param name what this connection is for
  Connection connect(String name) throws IOException {
    return connect(name, 1).getFirst();
  }

  /// Connects to it several times; what comes over these is one peer's.
  List<Connection> connect(String name, int count) throws IOException {
    var transport = new Transport(Identity.of(name), secret, TransportConfig.DEFAULT);
    var connections = new ArrayList<Connection>();
    for (int i = 0; i < count; i++) {
      var connection = transport.connect(address, Deadline.in(PATIENCE));
      connections.add(rate == null ? connection : new PacedConnection(connection, rate));
    }
    return connections;
  }

  /// The next line that it wrote.
  String next() throws IOException {
    try {
      var line = lines.poll(PATIENCE.toNanos(), TimeUnit.NANOSECONDS);
      if (line == null || line.equals(END)) {
        throw new IOException(
            line == null ? "the peer says nothing" : "the peer's process has ended");
      }
      return line;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  /// The checksums of the sequences that it has, see {@link BenchSequences#digests}.
  int[] digests(int tokens) throws IOException {
    var questions = process.outputWriter();
    questions.write("%d%n".formatted(tokens));
    questions.flush();
    return Stream.of(next().split(" "))
        .mapToInt(word -> Integer.parseUnsignedInt(word, 16))
        .toArray();
  }

  @Override
  public void close() throws IOException {
    process.outputWriter().close();
    try {
      if (!process.waitFor(PATIENCE)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException _) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
    if (folder != null) {
      Files.deleteIfExists(folder.resolve("peer"));
      Files.deleteIfExists(folder);
    }
  }
}
