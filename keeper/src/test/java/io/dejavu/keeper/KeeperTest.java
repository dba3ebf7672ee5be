package io.dejavu.keeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.SocketException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// With real processes.
class KeeperTest {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  @TempDir Path folder;
  private final BlockingQueue<WorkerExit> exits = new LinkedBlockingQueue<>();
  private final List<AutoCloseable> open = new ArrayList<>();
  private Path socket;
  private Process process;

  @BeforeEach
  void start() throws IOException {
    socket = folder.resolve("keeper");
    process = KeeperProcess.start(socket);
  }

  @AfterEach
  void stop() throws Exception {
    for (var one : open.reversed()) {
      one.close();
    }
    try (var last = KeeperClient.connect(socket, "last", PATIENCE, _ -> {})) {
      last.stop();
    }
    assertThat(process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).isZero();
    assertThat(socket).doesNotExist();
  }

  private KeeperClient client(String name) throws Exception {
    var client = KeeperClient.connect(socket, name, PATIENCE, exits::add);
    open.add(client);
    return client;
  }

  private List<String> worker(String name, String segment, long bytes) {
    return List.of(
        ProcessHandle.current().info().command().orElse("java"),
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        "-cp",
        Path.of("target", "classes").toAbsolutePath()
            + ":"
            + Path.of("target", "test-classes").toAbsolutePath(),
        HoldingWorker.class.getName(),
        socket.toString(),
        name,
        segment,
        Long.toString(bytes));
  }

  private MemorySegment map(Segment segment) throws IOException {
    var file =
        FileChannel.open(
            Path.of(segment.path()), StandardOpenOption.READ, StandardOpenOption.WRITE);
    open.add(file);
    return file.map(FileChannel.MapMode.READ_WRITE, 0, file.size(), Arena.ofAuto());
  }

  private static long count(MemorySegment memory) {
    return (long) ValueLayout.JAVA_LONG.varHandle().getVolatile(memory, 0L);
  }

  private static void await(String what, Callable<Boolean> is) throws Exception {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (!is.call()) {
      assertThat(System.nanoTime() - end).as("waited for %s", what).isNegative();
      Thread.sleep(2);
    }
  }

  private static Segment awaitSegment(KeeperClient client, String name) throws Exception {
    await(name, () -> client.list().stream().anyMatch(one -> one.name().equals(name)));
    return client.list().stream().filter(one -> one.name().equals(name)).findFirst().orElseThrow();
  }

  private static long descriptors(Process process) throws IOException {
    try (var all = Files.list(Path.of("/proc/%d/fd".formatted(process.pid())))) {
      return all.count();
    }
  }

  @Test
  void memoryHasNoNameIsZeroAndIsGivenBack() throws Exception {
    var client = client("a");
    client.hold("first", 1);
    client.release("first");
    long before = descriptors(process);

    var segment = client.hold("kv", 3 << 20);

    assertThat(segment).isEqualTo(new Segment("kv", 3 << 20, "a", segment.path()));
    assertThat(client.list()).containsExactly(segment);
    assertThat(Files.size(Path.of(segment.path()))).isEqualTo(3 << 20);
    assertThat(map(segment).mismatch(MemorySegment.ofArray(new byte[3 << 20]))).isEqualTo(-1);
    try (var named = Files.list(Path.of("/dev/shm"))) {
      assertThat(named.filter(file -> file.toString().endsWith("-kv"))).isEmpty();
    }
    assertThatThrownBy(() -> client.hold("kv", 1)).hasMessage("hold: segment kv is a's already");
    assertThatThrownBy(() -> client.hold("more", 1L << 60)).hasMessageContaining("free");
    assertThatThrownBy(() -> client.hold("../x", 1)).hasMessage("hold: \"../x\" is no name");

    client.release("kv");

    assertThat(client.list()).isEmpty();
    assertThat(descriptors(process)).isEqualTo(before);
    assertThatThrownBy(() -> client.release("kv")).hasMessage("release: no segment kv");
  }

  @Test
  void aStoppedOwnerIsKilledBeforeItsMemoryIsHandedOver() throws Exception {
    var client = client("standby");
    long pid = client.start("worker", worker("worker", "kv", 1 << 20));
    var memory = map(awaitSegment(client, "kv"));
    await("a count", () -> count(memory) > 0);
    new ProcessBuilder("kill", "-STOP", Long.toString(pid)).start().waitFor();

    var taken = client.take("kv", "worker");

    assertThat(taken.owner()).isEqualTo("standby");
    assertThat(ProcessHandle.of(pid).filter(ProcessHandle::isAlive)).isEmpty();
    assertThat(count(map(taken))).isEqualTo(count(memory)).isPositive();
    assertThat(exits.poll(PATIENCE.toSeconds(), TimeUnit.SECONDS))
        .isEqualTo(new WorkerExit("worker", pid, 137));
  }

  @Test
  void ofTwoThatWantTheMemoryOneGetsItAndNobodyIsKilledForNothing() throws Exception {
    var first = client("first");
    first.start("worker", worker("worker", "kv", 4096));
    first.hold("mine", 4096);
    awaitSegment(first, "kv");

    assertThatThrownBy(() -> first.take("kv", "other"))
        .hasMessage("take: segment kv is worker's, not other's");
    assertThatThrownBy(() -> first.release("kv"))
        .hasMessage("release: segment kv is worker's, not first's");
    first.take("kv", "worker");

    assertThatThrownBy(() -> first.take("kv", "worker"))
        .hasMessage("take: segment kv is first's, not worker's");
    assertThatThrownBy(() -> first.take("kv", "first")).hasMessageContaining("its own already");
    assertThat(first.isLinked()).isTrue();
  }

  @Test
  void aWorkerThatIsKilledIsReportedAndItsNameIsFreeAgain() throws Exception {
    var client = client("a");
    client.start("worker", worker("worker", "kv", 4096));
    assertThatThrownBy(() -> client.start("worker", worker("worker", "kv", 4096)))
        .hasMessageContaining("which lives");
    awaitSegment(client, "kv");

    client.kill("worker");

    assertThat(exits.poll(PATIENCE.toSeconds(), TimeUnit.SECONDS).status()).isEqualTo(137);
    client.start("worker", worker("worker", "other", 4096));
    assertThat(awaitSegment(client, "other").owner()).isEqualTo("worker");
    assertThat(client.list()).hasSize(2);
  }

  @Test
  void workersGoOnWithoutAKeeperAndTheNextOneHoldsTheirMemoryAgain() throws Exception {
    var client = client("standby");
    long pid = client.start("worker", worker("worker", "kv", 1 << 20));
    var memory = map(awaitSegment(client, "kv"));
    map(client.hold("mine", 4096)).set(ValueLayout.JAVA_LONG, 0, 4711);
    process.destroyForcibly().waitFor();

    long before = count(memory);
    await("a worker without a keeper", () -> count(memory) > before);
    process = KeeperProcess.start(socket);
    await("the next keeper", client::isLinked);
    await(
        "both owners",
        () -> client.list().stream().filter(one -> !one.owner().isEmpty()).count() == 2);

    var mine = awaitSegment(client, "mine");
    assertThat(mine.owner()).isEqualTo("standby");
    assertThat(map(mine).get(ValueLayout.JAVA_LONG, 0)).isEqualTo(4711);
    var worker = ProcessEntry.of(pid);
    assertThat(worker.hasExited()).isFalse();
    var taken = client.take("kv", "worker");
    assertThat(worker.hasExited()).isTrue();
    assertThat(count(map(taken))).isEqualTo(count(memory)).isGreaterThan(before);
  }

  private static boolean isAnswered(SocketChannel connection) throws IOException {
    var answer = ByteBuffer.allocate(1024);
    try {
      while (connection.read(answer) >= 0) {
        assertThat(answer.hasRemaining()).isTrue();
      }
    } catch (SocketException _) {
      return false; // reset
    }
    return new String(answer.array(), 0, answer.position(), StandardCharsets.UTF_8).contains("ok");
  }

  @Test
  void garbageCostsItsConnectionAlone() throws Exception {
    var client = client("a");
    for (var garbage :
        List.of(
            new byte[] {(byte) 255, (byte) 255, 1, 2},
            new byte[] {0, 0},
            new byte[] {0, 1, 0, 9})) {
      try (var bad = SocketChannel.open(StandardProtocolFamily.UNIX)) {
        bad.connect(UnixDomainSocketAddress.of(socket));
        bad.write(ByteBuffer.wrap(garbage));
        bad.shutdownOutput();
        assertThat(isAnswered(bad)).isFalse();
      }
    }

    assertThat(client.list()).isEmpty();
    assertThatThrownBy(() -> KeeperClient.connect(socket, "no name!", Duration.ZERO, _ -> {}))
        .hasMessageContaining("not a greeting of version 3");
  }
}
