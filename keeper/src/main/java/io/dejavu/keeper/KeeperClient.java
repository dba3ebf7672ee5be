package io.dejavu.keeper;

import java.io.IOException;
import java.lang.System.Logger.Level;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// A process's link to its host's keeper. When the keeper dies, this waits for the next one and
/// tells it what its process owns; calls fail meanwhile.
///
/// Thread-safe. Its thread, `keeper-link`, reads what the keeper says.
public final class KeeperClient implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(KeeperClient.class.getName());

  private static final Duration ANSWER_WITHIN = Duration.ofSeconds(30);
  private static final long RETRY_MILLIS = 50;

  private final Path socket;
  private final String name;
  private final Consumer<WorkerExit> exits;
  private final Set<String> owned = ConcurrentHashMap.newKeySet();
  private final Object calling = new Object();
  private volatile boolean closed;
  private final AtomicReference<@Nullable Link> link = new AtomicReference<>();

  private record Link(KeeperWire wire, BlockingQueue<List<String>> answers) {}

  private KeeperClient(Path socket, String name, Consumer<WorkerExit> exits) {
    this.socket = socket;
    this.name = name;
    this.exits = exits;
  }

  /// Finds the keeper.
  ///
  /// @param name of this process, unique at its host while it lives
  /// @param patience for a keeper that is starting
  /// @param exits hears which workers exit, in this client's thread
  /// @throws IOException if there is none, or it refuses
  public static KeeperClient connect(
      Path socket, String name, Duration patience, Consumer<WorkerExit> exits)
      throws IOException, InterruptedException {
    var client = new KeeperClient(socket, name, exits);
    long end = System.nanoTime() + patience.toNanos();
    while (true) {
      try {
        client.open();
        return client;
      } catch (IOException e) {
        if (System.nanoTime() - end > 0) {
          throw new IOException("no keeper at %s: %s".formatted(socket, e.getMessage()), e);
        }
        Thread.sleep(RETRY_MILLIS);
      }
    }
  }

  private void open() throws IOException, InterruptedException {
    var channel = SocketChannel.open(StandardProtocolFamily.UNIX);
    Link made = null;
    try {
      channel.connect(UnixDomainSocketAddress.of(socket));
      var wire = new KeeperWire(channel);
      wire.write(
          List.of("hello", KeeperWire.VERSION, name, Long.toString(ProcessHandle.current().pid())));
      var greeting = wire.read();
      if (greeting == null || !greeting.getFirst().equals("ok")) {
        throw new IOException(greeting == null ? "it does not answer" : greeting.getLast());
      }
      var opened = new Link(wire, new ArrayBlockingQueue<>(1));
      made = opened;
      link.set(opened);
      Thread.ofPlatform().name("keeper-link").daemon().start(() -> read(opened));
      call("watch");
      for (var segment : owned) {
        call("claim", segment);
      }
    } catch (IOException | RuntimeException e) {
      link.compareAndSet(made, null); // Who opened it tries again, not who reads from it.
      channel.close();
      throw e;
    }
  }

  private void read(Link of) {
    try (var wire = of.wire) {
      for (var words = wire.read(); words != null; words = wire.read()) {
        if (words.size() == 4 && words.getFirst().equals("exited")) {
          exits.accept(
              new WorkerExit(
                  words.get(1), Long.parseLong(words.get(2)), Integer.parseInt(words.get(3))));
        } else if (!of.answers.offer(words)) {
          throw new IOException("an answer that nobody asked for");
        }
      }
    } catch (IOException | RuntimeException e) {
      LOG.log(Level.DEBUG, "the link to the keeper is lost", e);
    }
    boolean current = link.compareAndSet(of, null);
    var _ = of.answers.offer(List.of("no", "the keeper is gone"));
    if (current) {
      reopen();
    }
  }

  private void reopen() {
    while (!closed) {
      try {
        open();
        return;
      } catch (IOException e) {
        LOG.log(Level.DEBUG, "no keeper yet", e);
      } catch (InterruptedException _) {
        Thread.currentThread().interrupt();
        return;
      }
      try {
        Thread.sleep(RETRY_MILLIS);
      } catch (InterruptedException _) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  /// Whether there is a keeper now.
  public boolean isLinked() {
    return link.get() != null;
  }

  /// Has memory made for this process.
  public Segment hold(String segment, long bytes) throws IOException, InterruptedException {
    var held = segment(call("hold", segment, Long.toString(bytes)), 1);
    owned.add(segment);
    return held;
  }

  /// Takes over the memory of a process that is gone, or is to go: the keeper kills it if it lives,
  /// and answers when it has exited.
  ///
  /// @param owner whose it is; if it is another's by now, this is refused
  public Segment take(String segment, String owner) throws IOException, InterruptedException {
    var taken = segment(call("take", segment, owner), 1);
    owned.add(segment);
    return taken;
  }

  /// Gives memory of this process back.
  public void release(String segment) throws IOException, InterruptedException {
    call("release", segment);
    owned.remove(segment);
  }

  /// Who holds what.
  public List<Segment> list() throws IOException, InterruptedException {
    var words = call("list");
    var all = new ArrayList<Segment>();
    for (int i = 1; i < words.size(); i += 4) {
      all.add(segment(words, i));
    }
    return all;
  }

  /// Starts a process, as the keeper's child.
  ///
  /// @return its number
  public long start(String worker, List<String> command) throws IOException, InterruptedException {
    var words = new ArrayList<>(List.of("start", worker));
    words.addAll(command);
    return Long.parseLong(call(words.toArray(String[]::new)).get(1));
  }

  /// Kills a process; it has exited when this returns.
  public void kill(String worker) throws IOException, InterruptedException {
    call("kill", worker);
  }

  /// Ends the keeper and all it has started.
  public void stop() throws IOException, InterruptedException {
    closed = true;
    call("stop");
  }

  private static Segment segment(List<String> words, int from) {
    return new Segment(
        words.get(from),
        Long.parseLong(words.get(from + 1)),
        words.get(from + 2),
        words.get(from + 3));
  }

  private List<String> call(String... words) throws IOException, InterruptedException {
    synchronized (calling) {
      var now = link.get();
      if (now == null) {
        throw new IOException("%s: no keeper at %s".formatted(words[0], socket));
      }
      now.wire.write(List.of(words));
      var answer = now.answers.poll(ANSWER_WITHIN.toNanos(), TimeUnit.NANOSECONDS);
      if (answer == null) {
        now.wire.close(); // Its answer would be taken for that of the next question.
        throw new IOException(
            "%s: no answer of the keeper within %s".formatted(words[0], ANSWER_WITHIN));
      }
      if (!answer.getFirst().equals("ok")) {
        throw new IOException("%s: %s".formatted(words[0], answer.getLast()));
      }
      return answer;
    }
  }

  /// What this process owns stays at the keeper.
  @Override
  public void close() {
    closed = true;
    var now = link.get();
    if (now != null) {
      now.wire.close();
    }
  }
}
