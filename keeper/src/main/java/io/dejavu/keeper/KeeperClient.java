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
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/// A process's link to its host's keeper. When the keeper dies, this waits for the next one and
/// tells it what its process owns; calls fail meanwhile.
///
/// Thread-safe. Its threads: `keeper-link` reads what the keeper says, `keeper-listener` tells the
/// listener.
public final class KeeperClient implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(KeeperClient.class.getName());

  private static final Duration ANSWER_WITHIN = Duration.ofSeconds(30);
  private static final Duration SHORTEST_TRY = Duration.ofSeconds(1);
  private static final long RETRY_MILLIS = 50;
  private static final int MOST_UNHEARD = 1024;
  private static final List<String> GONE = List.of("gone");

  private final Path socket;
  private final String name;
  private final KeeperListener listener;
  private final ExecutorService telling = telling();
  private final Set<String> owned = ConcurrentHashMap.newKeySet();

  /// Asked for; if the answer does not come, the keeper has perhaps made them.
  private final Set<String> unwanted = ConcurrentHashMap.newKeySet();

  /// Asked to take over; if the answer did not come, this process has perhaps got them.
  private final Set<String> taking = ConcurrentHashMap.newKeySet();

  /// Fair: who makes large memory asks again and again.
  private final ReentrantLock calling = new ReentrantLock(true);

  private volatile boolean closed;

  /// The keeper's process, and the first of its exits that was not heard of; both -1 before there
  /// is one. Changed while `this` is held.
  private long keeper = -1;

  private long nextExit = -1;

  /// Changed while `this` is held.
  private volatile @Nullable Link link;

  /// A connection, and who waits for its answers.
  private static final class Link {
    final KeeperWire wire;
    final BlockingQueue<List<String>> answers = new ArrayBlockingQueue<>(1);
    boolean lost; // read and written while the client is held

    Link(KeeperWire wire) {
      this.wire = wire;
    }
  }

  /// The keeper's `no`.
  private static final class Declined extends IOException {
    private static final long serialVersionUID = 1;

    Declined(String message) {
      super(message);
    }
  }

  private KeeperClient(Path socket, String name, KeeperListener listener) {
    this.socket = socket;
    this.name = name;
    this.listener = listener;
  }

  private static ExecutorService telling() {
    var one =
        new ThreadPoolExecutor(
            1,
            1,
            5,
            TimeUnit.SECONDS,
            new ArrayBlockingQueue<>(MOST_UNHEARD),
            Thread.ofPlatform().name("keeper-listener").daemon().factory());
    one.allowCoreThreadTimeOut(true);
    return one;
  }

  /// Finds the keeper.
  ///
  /// @param name of this process, unique at its host while it lives
  /// @param patience for a keeper that is starting, or does not move; one try takes at most a
  ///   second more
  /// @param listener hears which workers exit
  /// @throws IOException if there is none, or it refuses
  public static KeeperClient connect(
      Path socket, String name, Duration patience, KeeperListener listener)
      throws IOException, InterruptedException {
    var client = new KeeperClient(socket, name, listener);
    boolean linked = false;
    try {
      client.open(patience);
      linked = true;
      return client;
    } finally {
      if (!linked) {
        client.close();
      }
    }
  }

  private void open(Duration patience) throws IOException, InterruptedException {
    long end = System.nanoTime() + patience.toNanos();
    while (true) {
      if (closed) {
        throw new IOException("nobody needs the keeper at %s any more".formatted(socket));
      }
      try {
        link(Duration.ofNanos(Math.max(SHORTEST_TRY.toNanos(), end - System.nanoTime())));
        return;
      } catch (IOException e) {
        if (System.nanoTime() - end > 0) {
          throw new IOException("no keeper at %s: %s".formatted(socket, e.getMessage()), e);
        }
        Thread.sleep(RETRY_MILLIS);
      }
    }
  }

  private void link(Duration within) throws IOException, InterruptedException {
    var channel = SocketChannel.open(StandardProtocolFamily.UNIX);
    var wire = new KeeperWire(channel);
    boolean linked = false;
    try (var deadline = new WireDeadline(wire, within)) {
      try {
        channel.connect(UnixDomainSocketAddress.of(socket));
        long next = met(greet(wire));
        var opened = new Link(wire);
        Thread.ofPlatform().name("keeper-link").daemon().start(() -> read(opened));
        watched(call(opened, "watch", Long.toString(next)));
        sayWhatIsOurs(opened);
        establish(opened);
        linked = true;
      } catch (IOException e) {
        throw deadline.passed()
            ? new IOException("it has not answered within %s".formatted(deadline), e)
            : e;
      }
    } finally {
      if (!linked) {
        wire.close();
      }
    }
  }

  /// Whether it is the keeper of before: what exited in between is heard of in any case.
  ///
  /// @return the number of the first exit to hear of
  private synchronized long met(long process) {
    if (keeper != process) {
      nextExit = keeper < 0 ? -1 : 0;
      keeper = process;
    }
    return nextExit;
  }

  private synchronized void watched(List<String> answer) throws IOException {
    nextExit = Math.max(nextExit, number(answer, nextExit));
  }

  /// @return whether it was not heard of before
  private synchronized boolean isNew(long exit) {
    boolean isNew = exit >= nextExit;
    nextExit = Math.max(nextExit, exit + 1);
    return isNew;
  }

  /// The second word.
  private static long number(List<String> words, long otherwise) throws IOException {
    try {
      return words.size() > 1 ? Long.parseLong(words.get(1)) : otherwise;
    } catch (NumberFormatException e) {
      throw new IOException("\"%s\" is no number".formatted(words.get(1)), e);
    }
  }

  /// @return the number of the keeper's process
  private long greet(KeeperWire wire) throws IOException {
    wire.write(
        List.of("hello", KeeperWire.VERSION, name, Long.toString(ProcessHandle.current().pid())));
    var greeting = wire.read();
    if (greeting == null || greeting.isEmpty() || !greeting.getFirst().equals("ok")) {
      throw new IOException(
          greeting == null || greeting.isEmpty() ? "it does not answer" : greeting.getLast());
    }
    return number(greeting, 0);
  }

  private void sayWhatIsOurs(Link opened) throws IOException, InterruptedException {
    for (var segment : List.copyOf(owned)) {
      try {
        call(opened, "claim", segment);
      } catch (Declined e) {
        owned.remove(segment);
        LOG.log(Level.WARNING, "segment {0} is lost: {1}", segment, e.getMessage());
        tell(() -> listener.lost(segment, String.valueOf(e.getMessage())));
      }
    }
    for (var segment : List.copyOf(unwanted)) {
      giveBack(opened, segment);
    }
  }

  /// Unless the answer has come after all, and somebody has it.
  private void giveBack(Link opened, String segment) throws IOException, InterruptedException {
    calling.lockInterruptibly();
    try {
      if (unwanted.contains(segment)) {
        call(opened, "release", segment);
        unwanted.remove(segment);
      }
    } catch (Declined e) {
      unwanted.remove(segment);
      LOG.log(Level.DEBUG, "segment {0} was not made: {1}", segment, e.getMessage());
    } finally {
      calling.unlock();
    }
  }

  private synchronized void establish(Link opened) throws IOException {
    if (closed || opened.lost) {
      throw new IOException("it is gone again");
    }
    link = opened;
  }

  /// @return whether it was the link that calls use
  private synchronized boolean lose(Link of) {
    of.lost = true;
    if (link != of) {
      return false; // Who opened it tries again, not who reads from it.
    }
    link = null;
    return true;
  }

  private void read(Link of) {
    try (var wire = of.wire) {
      for (var words = wire.read(); words != null; words = wire.read()) {
        if (words.size() == 5 && words.getFirst().equals("exited")) {
          var exit =
              new WorkerExit(
                  words.get(1), Long.parseLong(words.get(2)), Integer.parseInt(words.get(3)));
          if (isNew(Long.parseLong(words.get(4)))) {
            tell(() -> listener.exited(exit));
          }
        } else if (words.isEmpty() || !of.answers.offer(words)) {
          throw new IOException("an answer that nobody asked for");
        }
      }
    } catch (IOException | RuntimeException e) {
      LOG.log(Level.DEBUG, "the link to the keeper is lost", e);
    }
    boolean current = lose(of);
    var _ = of.answers.offer(GONE);
    if (current) {
      reopen();
    }
  }

  private void tell(Runnable what) {
    try {
      telling.execute(
          () -> {
            try {
              what.run();
            } catch (RuntimeException e) {
              LOG.log(Level.WARNING, "the listener of %s has failed".formatted(name), e);
            }
          });
    } catch (RejectedExecutionException e) {
      if (!closed) {
        LOG.log(
            Level.WARNING,
            "the listener of %s misses something: it has %d to hear".formatted(name, MOST_UNHEARD),
            e);
      }
    }
  }

  private void reopen() {
    while (!closed) {
      try {
        open(ANSWER_WITHIN);
        return;
      } catch (IOException e) {
        LOG.log(Level.DEBUG, "no keeper yet", e);
      } catch (InterruptedException _) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  /// Whether there is a keeper now.
  public boolean isLinked() {
    return link != null;
  }

  /// Has memory made for this process. Large memory takes time: each part of it may take as long as
  /// any answer, and other calls get their turn in between.
  public Segment hold(String segment, long bytes) throws IOException, InterruptedException {
    call("hold", segment, Long.toString(bytes));
    unwanted.add(segment); // Until its answer is there: if the link is lost, nobody knows of it.
    try {
      var answer = fill(segment);
      while (answer.size() == 1) {
        answer = fill(segment);
      }
      return segment(answer, 1);
    } catch (Declined e) {
      unwanted.remove(segment);
      throw e;
    }
  }

  private List<String> fill(String segment) throws IOException, InterruptedException {
    calling.lockInterruptibly();
    try {
      var answer = call("fill", segment);
      if (answer.size() > 1) {
        owned.add(segment);
        unwanted.remove(segment); // before the next link gives it back
      }
      return answer;
    } finally {
      calling.unlock();
    }
  }

  /// Takes over the memory of a process that is gone, or is to go: the keeper kills it if it lives,
  /// and answers when it has exited.
  ///
  /// @param owner whose it is; if it is another's by now, this is refused. If the link is lost
  ///   before the keeper has answered, this may be tried again: what it gave to this process is
  ///   then its own
  public Segment take(String segment, String owner) throws IOException, InterruptedException {
    boolean again = !taking.add(segment);
    @Nullable Segment taken;
    try {
      taken = segment(call("take", segment, owner), 1);
    } catch (Declined e) {
      taken = again ? ours(segment) : null;
      if (taken == null) {
        taking.remove(segment);
        throw e;
      }
    }
    owned.add(segment);
    taking.remove(segment);
    return taken;
  }

  /// A segment that this process owns; null if it does not.
  private @Nullable Segment ours(String segment) throws IOException, InterruptedException {
    for (var one : list()) {
      if (one.name().equals(segment) && one.owner().equals(name)) {
        return one;
      }
    }
    return null;
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
    var now = link;
    if (now == null) {
      throw new IOException("%s: no keeper at %s".formatted(words[0], socket));
    }
    return call(now, words);
  }

  private List<String> call(Link to, String... words) throws IOException, InterruptedException {
    List<String> answer = null;
    calling.lockInterruptibly();
    try {
      to.wire.write(List.of(words));
      answer = to.answers.poll(ANSWER_WITHIN.toNanos(), TimeUnit.NANOSECONDS);
    } finally {
      if (answer == null) {
        to.wire.close(); // Its answer would be taken for that of the next question.
      }
      calling.unlock();
    }
    if (answer == null) {
      throw new IOException(
          "%s: no answer of the keeper within %s".formatted(words[0], ANSWER_WITHIN));
    }
    if (answer.equals(GONE)) {
      throw new IOException("%s: the keeper is gone".formatted(words[0]));
    }
    if (!answer.getFirst().equals("ok")) {
      throw new Declined("%s: %s".formatted(words[0], answer.getLast()));
    }
    return answer;
  }

  /// What this process owns stays at the keeper.
  @Override
  public void close() {
    closed = true;
    var now = link;
    if (now != null) {
      now.wire.close();
    }
    telling.shutdown();
  }
}
