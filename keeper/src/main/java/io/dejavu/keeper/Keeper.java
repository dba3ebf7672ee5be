package io.dejavu.keeper;

import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/// The process that holds the memory of others: one for each host. It makes segments, starts
/// workers, sees them exit, and hands the memory of one that has exited to another. It knows
/// nothing of what is in it.
///
/// If it dies, workers go on; the next keeper of the same socket opens their segments again. It
/// frees what nobody wants any more, and ends by itself when nobody has needed it for a while.
///
/// Threads: `keeper-accept` waits for connections, `keeper-client` serves one, `keeper-tell` tells
/// one who has exited, `keeper-input` waits for the end of the process whose own this is; the main
/// thread waits for the end and looks after exits.
public final class Keeper implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(Keeper.class.getName());

  private static final Duration EXIT_WITHIN = Duration.ofSeconds(10);
  private static final Duration HELLO_WITHIN = Duration.ofSeconds(10);
  private static final long PAUSE_MILLIS = 50;
  private static final int MOST_CLIENTS = 256;

  private final KeeperConfig config;
  private final Segments segments;
  private final Workers workers;
  private final Ownership ownership;
  private final KeeperSocket socket;
  private final Set<KeeperWire> clients = ConcurrentHashMap.newKeySet();
  private final ExitLog exits = new ExitLog();
  private final CountDownLatch stopped = new CountDownLatch(1);

  /// Serves a socket, which must not be another keeper's that lives.
  ///
  /// @param path a file that only this user may connect to
  Keeper(Path path, KeeperConfig config) throws IOException {
    this.config = config;
    segments = new Segments(config.memory(), path);
    workers = new Workers(this::exited);
    ownership = new Ownership(segments, workers, EXIT_WITHIN, config.freeAfter());
    socket = KeeperSocket.open(path);
    segments.collect();
    prepareToLog();
    Thread.ofPlatform().name("keeper-accept").daemon().start(this::accept);
  }

  /// Opens the files that the first line of a log needs: when there is something to say, there is
  /// perhaps no descriptor left.
  private static void prepareToLog() {
    LOG.log(
        Level.DEBUG, "{0}, {1}", ZoneId.systemDefault().getRules(), LOG.isLoggable(Level.DEBUG));
  }

  /// Runs until it is stopped, or was not needed for long.
  ///
  /// @param arguments the socket, then what `KeeperConfig` says
  public static void main(String... arguments) throws IOException, InterruptedException {
    if (arguments.length < 1) {
      throw new IllegalArgumentException("keeper SOCKET [OPTION …]");
    }
    var path = Path.of(arguments[0]).toAbsolutePath();
    var config = KeeperConfig.of(Arrays.asList(arguments).subList(1, arguments.length));
    var keeper = new Keeper(path, config);
    // Also after SIGTERM and Ctrl-C. All other threads are daemons.
    Runtime.getRuntime().addShutdownHook(new Thread(() -> keeper.end(path), "keeper-end"));
    if (config.own()) {
      Thread.ofPlatform().name("keeper-input").daemon().start(keeper::endWithInput);
    }
    keeper.awaitEnd();
  }

  private void end(Path path) {
    try {
      close();
      var folder = path.getParent();
      if (config.own() && folder != null) {
        OwnKeeper.delete(folder);
      }
    } catch (IOException e) {
      LOG.log(Level.WARNING, "something of %s is left".formatted(path), e);
    }
  }

  /// Nobody says anything; the end of the input is that of the process at its other end.
  private void endWithInput() {
    try {
      while (System.in.read() >= 0) {}
      workers.killChildren(EXIT_WITHIN);
    } catch (IOException e) {
      LOG.log(Level.WARNING, "the process whose keeper this is cannot be seen", e);
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    } finally {
      stopped.countDown();
    }
  }

  /// Returns when it was stopped, or when nobody was connected and no worker lived for long.
  void awaitEnd() throws InterruptedException {
    long needed = System.nanoTime();
    while (!stopped.await(1, TimeUnit.SECONDS)) {
      if (lookAround()) {
        needed = System.nanoTime();
      } else if (System.nanoTime() - needed > config.idle().toNanos()) {
        LOG.log(Level.INFO, "nobody has needed this keeper for {0}", config.idle());
        return;
      }
    }
  }

  /// @return whether it is needed
  private boolean lookAround() {
    try {
      boolean anyLives = workers.lookAfter();
      ownership.reap();
      return anyLives || !clients.isEmpty();
    } catch (IOException | OutOfMemoryError e) {
      // No descriptor or thread is free, most likely. Who is not known to have exited lives.
      LOG.log(Level.DEBUG, "who has exited is not known now", e);
      return true;
    }
  }

  private void accept() {
    boolean failing = false;
    try {
      while (socket.isOpen()) {
        try {
          admit(socket.accept());
          failing = false;
        } catch (IOException | OutOfMemoryError e) {
          // Neither a descriptor nor a thread is to be had: later, perhaps.
          if (!failing && socket.isOpen()) {
            LOG.log(
                Level.WARNING, "a connection could not be accepted, nor others until it can", e);
          }
          failing = true;
          Thread.sleep(PAUSE_MILLIS);
        }
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    } finally {
      stopped.countDown(); // Nobody could reach it any more.
    }
  }

  private void admit(SocketChannel channel) throws IOException {
    var wire = new KeeperWire(channel);
    if (clients.size() >= MOST_CLIENTS) {
      wire.close();
      return;
    }
    clients.add(wire);
    boolean served = false;
    try {
      Thread.ofPlatform().name("keeper-client").daemon().start(() -> serve(wire));
      served = true;
    } finally {
      if (!served) {
        clients.remove(wire);
        wire.close();
      }
    }
  }

  private void serve(KeeperWire wire) {
    String name = "";
    try (wire) {
      name = hello(wire);
      for (var words = wire.read(); words != null; words = wire.read()) {
        if (words.isEmpty()) {
          throw new IOException("a message without words");
        }
        wire.write(answer(wire, name, words));
        if (words.getFirst().equals("stop")) {
          stopped.countDown();
        }
      }
    } catch (IOException | RuntimeException e) {
      LOG.log(Level.DEBUG, "the connection of \"%s\" ends".formatted(name), e);
    } finally {
      clients.remove(wire);
      exits.leave(wire);
      afterwards(wire, name);
    }
  }

  private void afterwards(KeeperWire wire, String name) {
    try {
      segments.abandon(wire);
      workers.lost(name, EXIT_WITHIN);
    } catch (IOException e) {
      LOG.log(Level.WARNING, "whether %s has exited is not known".formatted(name), e);
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  /// Greets a client, or tells it why not.
  private String hello(KeeperWire wire) throws IOException {
    List<String> words;
    try (var _ = new WireDeadline(wire, HELLO_WITHIN)) {
      words = wire.read();
    }
    try {
      if (words == null
          || words.size() != 4
          || !words.getFirst().equals("hello")
          || !words.get(1).equals(KeeperWire.VERSION)
          || !KeeperWire.NAME.matcher(words.get(2)).matches()) {
        throw new IOException("not a greeting of version %s".formatted(KeeperWire.VERSION));
      }
      workers.join(words.get(2), number(words.get(3)));
    } catch (IOException e) {
      wire.write(List.of("no", String.valueOf(e.getMessage())));
      throw e;
    }
    wire.write(List.of("ok", Long.toString(ProcessHandle.current().pid())));
    return words.get(2);
  }

  private List<String> answer(KeeperWire wire, String name, List<String> words) {
    try {
      var arguments = words.subList(1, words.size());
      return switch (words.getFirst()) {
        case "hold" -> {
          segments.hold(checked(arguments, 0), number(arguments.get(1)), name, wire);
          yield List.of("ok");
        }
        case "fill" -> {
          var filled = segments.fill(checked(arguments, 0), wire);
          yield filled == null ? List.of("ok") : ok(filled);
        }
        case "claim" -> ok(ownership.claim(checked(arguments, 0), name));
        case "take" -> ok(ownership.take(checked(arguments, 0), arguments.get(1), name));
        case "release" -> {
          ownership.release(checked(arguments, 0), name);
          yield List.of("ok");
        }
        case "list" -> ok(segments.all().toArray(Segment[]::new));
        case "start" ->
            List.of(
                "ok",
                Long.toString(
                    workers.start(
                        checked(arguments, 0),
                        List.copyOf(arguments.subList(1, arguments.size())))));
        case "kill" -> {
          workers.fence(checked(arguments, 0), EXIT_WITHIN);
          yield List.of("ok");
        }
        case "watch" -> List.of("ok", Long.toString(exits.watch(wire, number(arguments.get(0)))));
        case "stop" -> {
          workers.killChildren(EXIT_WITHIN);
          yield List.of("ok");
        }
        default -> List.of("no", "what is \"%s\"?".formatted(words.getFirst()));
      };
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      return List.of("no", "this keeper is ending");
    } catch (IOException | RuntimeException e) {
      return List.of("no", String.valueOf(e.getMessage()));
    }
  }

  private static String checked(List<String> arguments, int index) throws IOException {
    if (!KeeperWire.NAME.matcher(arguments.get(index)).matches()) {
      throw new IOException("\"%s\" is no name".formatted(arguments.get(index)));
    }
    return arguments.get(index);
  }

  private static long number(String word) throws IOException {
    try {
      return Long.parseLong(word);
    } catch (NumberFormatException e) {
      throw new IOException("\"%s\" is no number".formatted(word), e);
    }
  }

  private static List<String> ok(Segment... all) {
    var words = new ArrayList<String>(List.of("ok"));
    for (var one : all) {
      words.addAll(List.of(one.name(), Long.toString(one.bytes()), one.owner(), one.path()));
    }
    return words;
  }

  private void exited(WorkerExit exit) {
    LOG.log(Level.DEBUG, "{0}, process {1}, exited: {2}", exit.worker(), exit.pid(), exit.status());
    exits.add(exit);
  }

  /// Lets go of everything. Workers go on.
  @Override
  public void close() throws IOException {
    socket.close();
    clients.forEach(KeeperWire::close);
    segments.close();
  }
}
