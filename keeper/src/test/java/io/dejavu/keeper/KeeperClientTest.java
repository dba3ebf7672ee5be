package io.dejavu.keeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// A client of a keeper that loses answers, or gives none: the keeper is the test.
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class KeeperClientTest {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  @TempDir Path folder;
  private Path socket;
  private ServerSocketChannel server;

  @BeforeEach
  void listen() throws IOException {
    socket = folder.resolve("keeper");
    server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    server.bind(UnixDomainSocketAddress.of(socket));
  }

  @AfterEach
  void end() throws IOException {
    server.close();
  }

  private KeeperClient client(KeeperListener listener) throws Exception {
    return KeeperClient.connect(socket, "a", PATIENCE, listener);
  }

  private static void awaitLink(KeeperClient client) throws InterruptedException {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (!client.isLinked()) {
      assertThat(System.nanoTime() - end).as("waited for the next link").isNegative();
      Thread.sleep(2);
    }
  }

  @Test
  void whoDoesNotAnswerIsGivenUp() throws Exception {
    assertThatThrownBy(
            () -> KeeperClient.connect(socket, "a", Duration.ofMillis(100), _ -> {}).close())
        .isInstanceOf(IOException.class)
        .hasMessageContaining("it has not answered within 1000 ms");
  }

  /// A keeper that goes away while it makes memory, and is there again.
  @Test
  void whatIsPerhapsMadeAlthoughTheAnswerWasLostIsGivenBack() throws Exception {
    var said = new LinkedBlockingQueue<String>();
    Thread.ofPlatform().daemon().start(() -> forget(said));

    try (var client = client(_ -> {})) {
      assertThatThrownBy(() -> client.hold("kv", 4096))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("fill");
      awaitLink(client);
    }
    assertThat(said).containsExactly("hello", "watch", "hold", "fill", "hello", "watch", "release");
  }

  /// Answers everything but `fill`, which ends the connection.
  private void forget(BlockingQueue<String> said) {
    while (true) {
      try (var wire = new KeeperWire(server.accept())) {
        for (var words = wire.read(); words != null; words = wire.read()) {
          said.add(words.getFirst());
          if (words.getFirst().equals("fill")) {
            break;
          }
          wire.write(List.of("ok"));
        }
      } catch (IOException _) {
        return; // The test is over.
      }
    }
  }

  /// The keeper has handed memory over, and nobody hears it.
  @Test
  void whatIsPerhapsTakenAlthoughTheAnswerWasLostIsTakenWhenAskedAgain() throws Exception {
    Thread.ofPlatform().daemon().start(this::handOver);

    try (var client = client(_ -> {})) {
      assertThatThrownBy(() -> client.take("kv", "worker")).isInstanceOf(IOException.class);
      awaitLink(client);

      assertThat(client.take("kv", "worker").owner()).isEqualTo("a");
      assertThatThrownBy(() -> client.take("kv", "worker")).hasMessage("take: it is a's");
    }
  }

  /// Says nothing to the first `take`, and no to others.
  private void handOver() {
    boolean isTaken = false;
    while (true) {
      try (var wire = new KeeperWire(server.accept())) {
        for (var words = wire.read(); words != null; words = wire.read()) {
          if (words.getFirst().equals("take") && !isTaken) {
            isTaken = true;
            break;
          }
          wire.write(
              switch (words.getFirst()) {
                case "take" -> List.of("no", "it is a's");
                case "list" -> List.of("ok", "kv", "1", "a", "/proc/1/fd/1");
                default -> List.of("ok");
              });
        }
      } catch (IOException _) {
        return; // The test is over.
      }
    }
  }

  /// The link is lost when it has heard of one exit; the next one tells it again, and of others.
  @Test
  void aClientHearsOfEachExitOnce() throws Exception {
    var watches = new LinkedBlockingQueue<String>();
    Thread.ofPlatform().daemon().start(() -> tellOfExits(watches));
    var heard = new LinkedBlockingQueue<String>();

    try (var _ = client(exit -> heard.add(exit.worker()))) {
      for (var worker : List.of("first", "second", "third")) {
        assertThat(heard.poll(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isEqualTo(worker);
      }
    }
    assertThat(watches).containsExactly("-1", "8");
    assertThat(heard).isEmpty();
  }

  private void tellOfExits(BlockingQueue<String> watches) {
    try {
      for (int link = 0; link < 2; link++) {
        var wire = new KeeperWire(server.accept());
        wire.read();
        wire.write(List.of("ok", "4711"));
        watches.add(wire.read().getLast());
        if (link == 0) {
          wire.write(List.of("ok", "7"));
          wire.write(List.of("exited", "first", "1", "0", "7"));
          wire.close();
        } else {
          wire.write(List.of("exited", "first", "1", "0", "7"));
          wire.write(List.of("exited", "second", "2", "0", "8"));
          wire.write(List.of("ok", "9"));
          wire.write(List.of("exited", "third", "3", "0", "9"));
        }
      }
    } catch (IOException _) {
      // The test is over.
    }
  }

  @Test
  void whileLargeMemoryIsMadeOthersGetTheirTurn() throws Exception {
    var filling = new CountDownLatch(2);
    Thread.ofPlatform().daemon().start(() -> makeUntilAsked(filling));

    try (var client = client(_ -> {})) {
      var asking = new CompletableFuture<List<Segment>>();
      Thread.ofPlatform()
          .daemon()
          .start(
              () -> {
                try {
                  filling.await();
                  asking.complete(client.list());
                } catch (IOException | InterruptedException e) {
                  asking.completeExceptionally(e);
                }
              });
      assertThat(client.hold("kv", 1).owner()).isEqualTo("a");
      assertThat(asking.get(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isEmpty();
    }
  }

  /// Memory is complete when somebody has asked for a list.
  private void makeUntilAsked(CountDownLatch filling) {
    boolean asked = false;
    try (var wire = new KeeperWire(server.accept())) {
      for (var words = wire.read(); words != null; words = wire.read()) {
        if (words.getFirst().equals("fill")) {
          filling.countDown();
        }
        asked |= words.getFirst().equals("list");
        wire.write(
            asked && words.getFirst().equals("fill")
                ? List.of("ok", "kv", "1", "a", "/")
                : List.of("ok"));
      }
    } catch (IOException _) {
      return; // The test is over.
    }
  }
}
