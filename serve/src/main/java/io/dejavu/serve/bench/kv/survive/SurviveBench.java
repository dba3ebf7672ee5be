package io.dejavu.serve.bench.kv.survive;

import io.dejavu.keeper.KeeperClient;
import io.dejavu.keeper.OwnKeeper;
import io.dejavu.keeper.Segment;
import io.dejavu.serve.bench.kv.survive.SurviveWorker.Said;
import io.dejavu.serve.cli.OwnProcess;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/// Kills the process that generates, again and again, and lets another go on in its memory. Plays
/// the gateway: it has the record of the requests, tells each process what it is, and compares what
/// comes with an undisturbed run.
///
/// One thread, that of the caller, owns everything; a thread per worker only listens.
final class SurviveBench implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofMinutes(2);
  private static final long POLL_NANOS = 5_000_000;
  private static final String SEGMENT = "kv";

  private final SurviveRecord record;
  private final int concurrency;
  private final Random random;
  private final List<String> workerArguments;
  private final OwnKeeper keeper = OwnKeeper.start("dejavu-survive");
  private final Path socket = keeper.folder().resolve("bench");
  private final ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
  private final BlockingQueue<Said> heard = new LinkedBlockingQueue<>();
  private final Map<String, SurviveWorker> workers = new HashMap<>();
  private final List<Round> rounds = new ArrayList<>();
  private final KeeperClient client;
  private @Nullable SurviveWorker owner;
  private final List<SurviveWorker> standbys = new ArrayList<>();
  private int started;
  private int epoch = 1;

  /// How a process is lost.
  enum Loss {
    /// `kill -9` at a random moment.
    KILLED,
    /// It is stopped with SIGSTOP; its keeper kills it.
    STOPPED,
    /// Its keeper was killed before, too; the next keeper is not its parent.
    KEEPER_TOO,
    /// Whoever takes over is killed while it does.
    TWICE
  }

  /// What became of one loss; times since the kill.
  ///
  /// @param exitNanos until its exit was known
  /// @param attachNanos that the next process took to attach and verify, of the time before `first`
  /// @param firstNanos until the next token of any request
  /// @param lastNanos until every request that lived had another token
  /// @param sequences that lived
  /// @param recomputed tokens computed again, the most of any request
  /// @param prefilled tokens of prompts computed again, of all
  record Round(
      Loss loss,
      long exitNanos,
      long attachNanos,
      long firstNanos,
      long lastNanos,
      int sequences,
      int recomputed,
      long prefilled) {}

  /// @param concurrency requests at once
  /// @param workerArguments model, options and memory of the workers
  SurviveBench(SurviveRecord record, int concurrency, long seed, List<String> workerArguments)
      throws IOException, InterruptedException {
    this.record = record;
    this.concurrency = concurrency;
    this.random = new Random(seed);
    this.workerArguments = List.copyOf(workerArguments);
    server.bind(UnixDomainSocketAddress.of(socket));
    server.configureBlocking(false);
    client =
        KeeperClient.connect(
            keeper.socket(),
            "bench",
            PATIENCE,
            exit -> heard.add(new Said(exit.worker(), new String[] {"exited"}, System.nanoTime())));
    var first = start();
    first.tell("own " + SEGMENT);
    await(() -> first.ready, "the first worker");
    owner = first;
  }

  private SurviveWorker start() throws IOException, InterruptedException {
    var name = "worker-" + ++started;
    var arguments = new ArrayList<>(List.of("bench", "kv", "survive-worker"));
    arguments.addAll(workerArguments);
    arguments.addAll(
        List.of(
            "--bench", socket.toString(), "--keeper", keeper.socket().toString(), "--name", name));
    long pid = client.start(name, OwnProcess.with(arguments.toArray(String[]::new)).command());
    var channel = server.accept();
    for (long end = System.nanoTime() + PATIENCE.toNanos(); channel == null; ) {
      if (System.nanoTime() - end > 0) {
        throw new IllegalStateException("%s did not start within %s".formatted(name, PATIENCE));
      }
      stayBusy(POLL_NANOS);
      channel = server.accept();
    }
    var worker = SurviveWorker.of(channel, pid, heard);
    workers.put(name, worker);
    return worker;
  }

  private SurviveWorker standby() throws IOException, InterruptedException {
    var standby = start();
    standby.tell("wait " + segment().path());
    standbys.add(standby);
    return standby;
  }

  private Segment segment() throws IOException, InterruptedException {
    return client.list().stream()
        .filter(one -> one.name().equals(SEGMENT))
        .findFirst()
        .orElseThrow(() -> new IllegalStateException("the keeper has lost the segment"));
  }

  private SurviveWorker owner() {
    if (owner == null) {
      throw new IllegalStateException("nobody generates");
    }
    return owner;
  }

  /// Loses the process that generates, at a random moment within `longest`.
  Round lose(Loss loss, Duration longest) throws IOException, InterruptedException {
    fill();
    while (standbys.size() < (loss == Loss.TWICE ? 2 : 1)) {
      standby();
    }
    for (long end = System.nanoTime() + PATIENCE.toNanos();
        !standbys.stream().allMatch(one -> one.ready); ) {
      if (System.nanoTime() - end > 0) {
        throw new IllegalStateException("no standby is ready within " + PATIENCE);
      }
      stayBusy(POLL_NANOS);
    }
    if (loss == Loss.KEEPER_TOO) {
      replaceKeeper();
    }
    long until = System.nanoTime() + random.nextLong(longest.toNanos());
    while (System.nanoTime() < until) {
      stayBusy(until - System.nanoTime());
    }
    long killed = System.nanoTime();
    var lost = owner();
    owner = null;
    end(lost, loss);
    if (loss == Loss.TWICE) {
      var unlucky = standbys.removeFirst();
      unlucky.tell("take %s %s %d%s".formatted(SEGMENT, lost.name, epoch, record.words()));
      Thread.sleep(random.nextInt(12));
      killed = System.nanoTime();
      end(unlucky, loss);
    }
    long exited = System.nanoTime();
    var round = takeOver(loss, killed, exited);
    rounds.add(round);
    return round;
  }

  /// Returns when it has exited and all that it said was heard.
  private void end(SurviveWorker worker, Loss loss) throws IOException, InterruptedException {
    worker.doomed = true;
    if (loss == Loss.STOPPED) {
      new ProcessBuilder("kill", "-STOP", Long.toString(worker.pid)).start().waitFor();
      client.kill(worker.name);
    } else {
      ProcessHandle.of(worker.pid).ifPresent(ProcessHandle::destroyForcibly);
    }
    await(() -> worker.gone && worker.closed, "the exit of " + worker.name);
    workers.remove(worker.name);
  }

  private Round takeOver(Loss loss, long killed, long exited)
      throws IOException, InterruptedException {
    record.endComplete();
    record.handOver();
    var sequences = record.live();
    var next = standbys.removeFirst();
    var lengths = new HashMap<String, Integer>();
    sequences.forEach(one -> lengths.put(one.id, record.length(one)));
    boolean unknown = loss == Loss.TWICE;
    next.tell(
        "take %s %s %d%s"
            .formatted(SEGMENT, segment().owner(), unknown ? 0 : epoch, record.words()));
    await(() -> next.answer != null, "the answer of " + next.name);
    var attached = answer(next, "attached");
    owner = next;
    epoch = Integer.parseInt(attached[4]);
    await(
        () -> sequences.stream().allMatch(one -> one.fresh > 0 || !record.live().contains(one)),
        "a token of each request");
    next.tell("status");
    await(() -> next.answer != null, "the status of " + next.name);
    var status = answer(next, "status");
    long most = 0;
    long mayPrefill = 0;
    long again = 0;
    for (int i = 6; i < attached.length; i++) {
      int colon = attached[i].indexOf(':');
      var id = attached[i].substring(0, colon);
      var one = sequences.stream().filter(s -> s.id.equals(id)).findFirst().orElseThrow();
      int committed = Math.max(0, Integer.parseInt(attached[i].substring(colon + 1)));
      int length = lengths.getOrDefault(id, 0);
      int prompt = record.promptTokens(one);
      int start = Math.min(committed, length - 1);
      mayPrefill += Math.max(0, prompt - start);
      most = Math.max(most, committed - start);
      if (length > prompt && committed < length - 1) {
        again += length - 1 - committed; // The client had seen its tokens: they were committed.
      }
    }
    again += Math.max(0, Long.parseLong(status[1]) - mayPrefill) + Long.parseLong(status[2]);
    long first =
        sequences.stream().mapToLong(one -> one.firstAt).filter(at -> at > 0).min().orElse(killed);
    long last = sequences.stream().mapToLong(one -> one.firstAt).max().orElse(killed);
    return new Round(
        loss,
        exited - killed,
        1000 * (Long.parseLong(attached[2]) + Long.parseLong(attached[3])),
        first - killed,
        last - killed,
        sequences.size(),
        (int) most,
        again);
  }

  private static String[] answer(SurviveWorker worker, String expected) {
    var answer = worker.answer;
    worker.answer = null;
    if (answer == null || !answer[0].equals(expected)) {
      throw new IllegalStateException("%s says %s".formatted(worker.name, Arrays.toString(answer)));
    }
    return answer;
  }

  /// Workers go on meanwhile; the next keeper finds their memory.
  private void replaceKeeper() throws IOException, InterruptedException {
    keeper.replace();
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (!keeperKnows(owner().name)) {
      if (System.nanoTime() - end > 0) {
        throw new IllegalStateException("%s did not find the next keeper".formatted(owner().name));
      }
      hear(TimeUnit.MILLISECONDS.toNanos(5));
    }
  }

  private boolean keeperKnows(String name) throws InterruptedException {
    try {
      return client.isLinked()
          && client.list().stream()
              .anyMatch(one -> one.name().equals(SEGMENT) && one.owner().equals(name));
    } catch (IOException _) {
      return false; // The link to the one that was killed, or to one that has just begun.
    }
  }

  /// Hears something, or nothing for so long; who generates always has enough to do.
  private void stayBusy(long nanos) throws IOException, InterruptedException {
    hear(Math.max(0, nanos));
    fill();
  }

  private void fill() throws IOException {
    var generating = owner;
    while (generating != null && record.live().size() < concurrency) {
      var one = record.next();
      generating.tell("submit %s %d".formatted(one.id, one.shape));
    }
  }

  private void await(BooleanSupplier what, String name) throws InterruptedException {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (!what.getAsBoolean()) {
      long left = end - System.nanoTime();
      if (left <= 0) {
        throw new IllegalStateException("waited %s for %s; %s".formatted(PATIENCE, name, record));
      }
      hear(left);
    }
  }

  private void hear(long nanos) throws InterruptedException {
    var said = heard.poll(nanos, TimeUnit.NANOSECONDS);
    var worker = said == null ? null : workers.get(said.name());
    if (said == null || worker == null) {
      return;
    }
    var words = said.words();
    switch (words[0]) {
      case "t" ->
          record.token(words[1], Integer.parseInt(words[2]), Integer.parseInt(words[3]), said.at());
      case "f" -> record.finished(words[1]);
      case "x" -> record.failed(words[1], String.join(" ", words));
      case "ready" -> worker.ready = true;
      case "exited" -> worker.gone = true;
      case "closed" -> {
        worker.closed = true;
        if (!worker.doomed) {
          throw new IllegalStateException("%s has ended by itself".formatted(worker.name));
        }
      }
      default -> worker.answer = words;
    }
  }

  List<Round> rounds() {
    return rounds;
  }

  /// Lets what lives end, lets go of everything, and looks for what was left.
  ///
  /// @return descriptors and files of the memory that are still there: a line each
  List<String> finish() throws IOException, InterruptedException {
    await(() -> record.live().isEmpty(), "the last requests");
    workers.values().forEach(one -> one.doomed = true);
    for (var standby : standbys) {
      standby.tell("end");
    }
    owner().tell("end " + SEGMENT);
    await(() -> workers.values().stream().allMatch(one -> one.gone), "the end of the workers");
    var left = new ArrayList<String>();
    client.list().forEach(one -> left.add(one.toString()));
    left.addAll(descriptors(keeper.process().pid()));
    client.stop();
    if (!keeper.process().waitFor(PATIENCE)) {
      left.add("the keeper, process %d".formatted(keeper.process().pid()));
    }
    if (Files.exists(keeper.folder())) {
      left.add(keeper.folder().toString());
    }
    try (var files = Files.list(Path.of("/dev/shm"))) {
      files
          .filter(file -> file.toString().endsWith("-" + SEGMENT))
          .forEach(file -> left.add(file.toString()));
    }
    return left;
  }

  private static List<String> descriptors(long pid) throws IOException {
    var found = new ArrayList<String>();
    try (var open = Files.newDirectoryStream(Path.of("/proc/%d/fd".formatted(pid)))) {
      for (var descriptor : open) {
        var target = Files.readSymbolicLink(descriptor).toString();
        if (target.startsWith("/dev/shm/")) {
          found.add("%s -> %s".formatted(descriptor, target));
        }
      }
    }
    return found;
  }

  @Override
  public void close() throws IOException {
    workers
        .values()
        .forEach(one -> ProcessHandle.of(one.pid).ifPresent(ProcessHandle::destroyForcibly));
    client.close();
    server.close();
    keeper.close();
  }
}
