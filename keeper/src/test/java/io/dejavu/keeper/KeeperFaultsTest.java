package io.dejavu.keeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// What goes wrong around a keeper, and what it must not cost.
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class KeeperFaultsTest {
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final List<String> SLEEP = List.of("sleep", "600");

  @TempDir Path folder;
  private final List<Process> processes = new ArrayList<>();
  private Path socket;

  @BeforeEach
  void name() {
    socket = folder.resolve("keeper");
  }

  @AfterEach
  void end() throws InterruptedException {
    for (var process : processes) {
      process.destroyForcibly().waitFor();
    }
  }

  private Process running(Process process) {
    processes.add(process);
    return process;
  }

  private KeeperClient client(String name, KeeperListener listener) throws Exception {
    return KeeperClient.connect(socket, name, PATIENCE, listener);
  }

  private static void await(String what, Callable<Boolean> is) throws Exception {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (!is.call()) {
      assertThat(System.nanoTime() - end).as("waited for %s", what).isNegative();
      Thread.sleep(2);
    }
  }

  private SocketChannel connection() throws IOException {
    return SocketChannel.open(UnixDomainSocketAddress.of(socket));
  }

  @Test
  void aKeeperWithoutDescriptorsHoldsWhatItHolds() throws Exception {
    var command = new ArrayList<>(List.of("sh", "-c", "ulimit -n 64; exec \"$0\" \"$@\""));
    command.addAll(KeeperProcess.command(socket, KeeperConfig.DEFAULT));
    var process = running(new ProcessBuilder(command).inheritIO().start());
    try (var client = client("a", _ -> {})) {
      var segment = client.hold("kv", 4096);
      var connections = new ArrayList<SocketChannel>();
      for (int i = 0; i < 80; i++) {
        connections.add(connection());
      }
      await(
          "the last descriptor",
          () -> {
            try (var open = Files.list(Path.of("/proc/%d/fd".formatted(process.pid())))) {
              return open.count() == 64;
            }
          });
      assertThat(client.list()).containsExactly(segment);
      assertThatThrownBy(() -> client.hold("more", 4096)).isInstanceOf(IOException.class);
      for (var one : connections) {
        one.close();
      }

      try (var later = client("b", _ -> {})) {
        assertThat(later.list()).containsExactly(segment);
      }
      assertThat(client.list()).containsExactly(segment);
      client.stop();
    }
  }

  @Test
  void whoReadsNothingIsGivenUp() throws Exception {
    try (var server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      server.bind(UnixDomainSocketAddress.of(socket));
      try (var wire = new KeeperWire(connection());
          var _ = server.accept();
          var deadline = new WireDeadline(wire, Duration.ofMillis(50))) {
        var much = List.of("x".repeat(60_000));

        assertThatThrownBy(
                () -> {
                  while (true) {
                    wire.write(much);
                  }
                })
            .isInstanceOf(IOException.class);
        assertThat(deadline.passed()).isTrue();
      }
    }
  }

  @Test
  void aSegmentThatTheNextKeeperDoesNotHaveCostsNothingElse() throws Exception {
    var lost = new LinkedBlockingQueue<String>();
    var first = running(KeeperProcess.start(socket));
    try (var client = client("a", losing(lost))) {
      client.hold("kv", 4096);
      first.destroyForcibly().waitFor();
      running(KeeperProcess.start(socket));

      assertThat(lost.poll(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isEqualTo("kv");
      await("the next keeper", client::isLinked);
      assertThat(client.list()).isEmpty();
      assertThat(client.hold("kv", 4096).owner()).isEqualTo("a");
      client.stop();
    }
  }

  private static KeeperListener losing(BlockingQueue<String> lost) {
    return new KeeperListener() {
      @Override
      public void exited(WorkerExit exit) {}

      @Override
      public void lost(String segment, String why) {
        lost.add(segment);
      }
    };
  }

  @Test
  void ofTwoThatStartTogetherOneServes() throws Exception {
    var one = running(KeeperProcess.start(socket));
    var two = running(KeeperProcess.start(socket));
    await("the end of one", () -> !one.isAlive() || !two.isAlive());

    try (var client = client("a", _ -> {})) {
      assertThat(client.list()).isEmpty();
      assertThat(List.of(one, two)).filteredOn(Process::isAlive).hasSize(1);
      client.stop();
    }
    assertThat(one.waitFor() + two.waitFor()).isEqualTo(1);
    assertThat(socket).doesNotExist();
  }

  @Test
  void aKeeperDeletesNoSocketButItsOwn() throws Exception {
    try (var _ = KeeperSocket.open(socket)) {
      assertThatThrownBy(() -> KeeperSocket.open(socket))
          .hasMessage("a keeper serves %s already".formatted(socket));
      Files.delete(socket);
      Files.createFile(socket);
    }
    assertThat(socket).exists();

    KeeperSocket.open(socket).close();

    assertThat(socket).doesNotExist();
  }

  @Test
  void aListenerMayAskTheKeeperAndMayFail() throws Exception {
    running(KeeperProcess.start(socket));
    var asking = new AtomicReference<KeeperClient>();
    var heard = new LinkedBlockingQueue<String>();
    try (var client =
        client(
            "a",
            exit -> {
              try {
                heard.add(exit.worker() + " " + asking.get().list().size());
              } catch (IOException | InterruptedException e) {
                heard.add(e.toString());
              }
              throw new IllegalStateException("on purpose");
            })) {
      asking.set(client);
      client.hold("kv", 4096);
      for (var worker : List.of("first", "second")) {
        client.start(worker, SLEEP);
        client.kill(worker);

        assertThat(heard.poll(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isEqualTo(worker + " 1");
      }
      assertThat(client.isLinked()).isTrue();
      client.stop();
    }
  }

  @Test
  void memoryIsMadeInStepsThatNobodyElseWaitsFor() throws Exception {
    try (var server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        var segments = new Segments(folder, socket, 4096)) {
      server.bind(UnixDomainSocketAddress.of(socket));
      try (var maker = new KeeperWire(connection());
          var other = new KeeperWire(connection())) {
        segments.hold("kv", 10_000, "a", maker);
        assertThat(segments.fill("kv", maker)).isNull();
        segments.hold("small", 1, "b", other);
        assertThat(segments.fill("small", other)).isNotNull();
        assertThat(segments.fill("kv", maker)).isNull();
        assertThat(segments.all()).extracting(Segment::name).containsExactly("small");
        assertThatThrownBy(() -> segments.fill("kv", other)).hasMessageContaining("being made");

        var made = segments.fill("kv", maker);

        assertThat(made).isNotNull();
        assertThat(Files.size(Path.of(made.path()))).isEqualTo(10_000);
        segments.hold("left", 10_000, "a", maker);
        segments.fill("left", maker);
        segments.abandon(maker);
        assertThat(segments.all()).extracting(Segment::name).containsExactly("kv", "small");
        segments.hold("left", 1, "b", other);
      }
    }
  }

  @Test
  void memoryThatNobodyWaitsForAnyMoreIsFreed() throws Exception {
    running(KeeperProcess.start(socket));
    try (var client = client("a", _ -> {})) {
      try (var wire = new KeeperWire(connection())) {
        wire.write(
            List.of(
                "hello",
                KeeperWire.VERSION,
                "impatient",
                Long.toString(ProcessHandle.current().pid())));
        assertThat(wire.read()).first().isEqualTo("ok");
        wire.write(List.of("hold", "kv", "4096"));
        assertThat(wire.read()).containsExactly("ok");
        assertThatThrownBy(() -> client.hold("kv", 4096)).hasMessageContaining("impatient's");
      }

      await("the name is free again", () -> isHeld(client));
      client.stop();
    }
  }

  private static boolean isHeld(KeeperClient client) throws InterruptedException {
    try {
      return client.hold("kv", 4096).owner().equals("a");
    } catch (IOException _) {
      return false;
    }
  }

  private KeeperWire greeted(String name) throws IOException {
    var wire = new KeeperWire(connection());
    wire.write(
        List.of("hello", KeeperWire.VERSION, name, Long.toString(ProcessHandle.current().pid())));
    assertThat(wire.read()).startsWith("ok");
    return wire;
  }

  @Test
  void whoWasAwayHearsWhoHasExitedMeanwhile() throws Exception {
    running(KeeperProcess.start(socket));
    try (var client = client("a", _ -> {})) {
      try (var wire = greeted("away")) {
        wire.write(List.of("watch", "-1"));
        assertThat(wire.read()).containsExactly("ok", "0");
      }
      for (var worker : List.of("first", "second", "third")) {
        client.start(worker, SLEEP);
        client.kill(worker);
      }

      try (var wire = greeted("away");
          var _ = new WireDeadline(wire, PATIENCE)) {
        wire.write(List.of("watch", "1"));
        var heard = new ArrayList<List<String>>();
        while (heard.size() < 3) {
          var words = wire.read();
          assertThat(words).isNotNull();
          heard.add(words);
        }
        heard.remove(List.of("ok", "3"));
        assertThat(heard).extracting(words -> words.get(1)).containsExactly("second", "third");
        assertThat(heard).extracting(words -> words.get(4)).containsExactly("1", "2");
      }
      client.stop();
    }
  }

  @Test
  void aKeeperThatHasKilledItsWorkersStartsNoOther() throws Exception {
    var workers = new Workers(_ -> {});
    long pid = workers.start("first", SLEEP);

    workers.killChildren(PATIENCE);

    assertThat(ProcessHandle.of(pid).filter(ProcessHandle::isAlive)).isEmpty();
    assertThatThrownBy(() -> workers.start("second", SLEEP)).hasMessage("this keeper is ending");
  }

  @Test
  void theMemoryOfTheDeadIsFreedIfNobodyTakesIt() throws Exception {
    running(KeeperProcess.start(socket, KeeperConfig.DEFAULT.withFreeAfter(Duration.ZERO)));
    try (var client = client("a", _ -> {})) {
      client.hold("mine", 4096);
      var dead = running(holder());
      await("its memory", () -> client.list().size() == 2);
      dead.destroyForcibly().waitFor();

      await("its end", () -> client.list().size() == 1);

      assertThat(client.list()).extracting(Segment::name).containsExactly("mine");
      client.stop();
    }
  }

  private Process holder() throws IOException {
    return java(HoldingWorker.class.getName(), socket.toString(), "worker", "kv", "4096").start();
  }

  private static ProcessBuilder java(String... arguments) {
    var command =
        new ArrayList<>(
            List.of(
                ProcessHandle.current().info().command().orElse("java"),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-cp",
                Path.of("target", "classes").toAbsolutePath()
                    + ":"
                    + Path.of("target", "test-classes").toAbsolutePath()));
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
  }

  @Test
  void aKeeperOfOneProcessEndsWithItAndLeavesNothing() throws Exception {
    var owner = running(java(OwningProcess.class.getName()).start());
    var said = owner.inputReader().readLine();
    assertThat(said).isNotNull();
    var words = said.split(" ", -1);
    assertThat(Path.of(words[2], "keeper")).exists();

    owner.destroyForcibly().waitFor();

    await("the end of both", () -> isGone(words[0]) && isGone(words[1]));
    assertThat(Path.of(words[2])).doesNotExist();
  }

  @Test
  void itDeletesNoFolderButItsOwn(@TempDir Path others) throws Exception {
    var file = Files.createFile(others.resolve("theirs"));

    OwnKeeper.delete(others);

    assertThat(file).exists();
  }

  private static boolean isGone(String pid) {
    return ProcessHandle.of(Long.parseLong(pid)).filter(ProcessHandle::isAlive).isEmpty();
  }

  @Test
  void itsConfigurationTravelsInWords() {
    var config =
        new KeeperConfig(Path.of("/m"), Duration.ofSeconds(3), Duration.ofSeconds(4), true);

    assertThat(KeeperConfig.of(config.words())).isEqualTo(config);
    assertThat(KeeperConfig.of(List.of())).isEqualTo(KeeperConfig.DEFAULT);
    assertThatThrownBy(() -> KeeperConfig.of(List.of("--free-after", "x")))
        .hasMessage("--free-after is x, not seconds");
    assertThatThrownBy(() -> KeeperConfig.of(List.of("--idle"))).hasMessage("--idle has no value");
    assertThatThrownBy(() -> KeeperConfig.of(List.of("-x", "1"))).hasMessage("what is -x?");
  }
}
