package io.dejavu.keeper;

import java.io.IOException;
import java.lang.System.Logger.Level;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
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
/// ends by itself when nobody has needed it for a while.
///
/// Threads: `keeper-accept` waits for connections, `keeper-client` serves one, the main thread
/// waits for the end.
public final class Keeper implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(Keeper.class.getName());

  private static final Path SHARED_MEMORY = Path.of("/dev/shm");
  private static final Duration IDLE = Duration.ofMinutes(10);
  private static final Duration EXIT_WITHIN = Duration.ofSeconds(10);
  private static final int MOST_CLIENTS = 256;

  private final Path socket;
  private final Segments segments;
  private final Workers workers;
  private final ServerSocketChannel server;
  private final Set<KeeperWire> clients = ConcurrentHashMap.newKeySet();
  private final Set<KeeperWire> watchers = ConcurrentHashMap.newKeySet();
  private final Object handingOver = new Object();
  private final CountDownLatch stopped = new CountDownLatch(1);

  /// Serves a socket, which must not be another keeper's that lives.
  ///
  /// @param socket a file that only this user may connect to
  /// @param memory folder of a file system in memory
  Keeper(Path socket, Path memory) throws IOException {
    this.socket = socket;
    segments = new Segments(memory, socket);
    workers = new Workers(this::tell);
    server = listen(socket);
    segments.collect();
    Thread.ofPlatform().name("keeper-accept").daemon().start(this::accept);
  }

  /// Runs until it is stopped, or was not needed for long.
  ///
  /// @param arguments the socket, and perhaps a folder for the memory
  public static void main(String... arguments) throws IOException, InterruptedException {
    if (arguments.length < 1 || arguments.length > 2) {
      throw new IllegalArgumentException("keeper SOCKET [FOLDER]");
    }
    Path memory = arguments.length > 1 ? Path.of(arguments[1]) : SHARED_MEMORY;
    try (var keeper = new Keeper(Path.of(arguments[0]), memory)) {
      keeper.awaitEnd(IDLE);
    }
  }

  private static ServerSocketChannel listen(Path socket) throws IOException {
    if (Files.exists(socket)) {
      try (var other = SocketChannel.open(StandardProtocolFamily.UNIX)) {
        if (other.connect(UnixDomainSocketAddress.of(socket))) {
          throw new IllegalStateException("a keeper serves %s already".formatted(socket));
        }
      } catch (IOException e) {
        LOG.log(Level.DEBUG, "the last keeper of %s is gone".formatted(socket), e);
      }
    }
    // Nobody else may connect, not even before its permissions are set.
    var unnamed = socket.resolveSibling(socket.getFileName() + "." + ProcessHandle.current().pid());
    var server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    server.bind(UnixDomainSocketAddress.of(unnamed));
    Files.setPosixFilePermissions(unnamed, PosixFilePermissions.fromString("rw-------"));
    Files.move(unnamed, socket, StandardCopyOption.ATOMIC_MOVE);
    return server;
  }

  /// Returns when it was stopped, or when nobody was connected and no worker lived for so long.
  void awaitEnd(Duration idle) throws InterruptedException, IOException {
    long needed = System.nanoTime();
    while (!stopped.await(1, TimeUnit.SECONDS)) {
      if (!clients.isEmpty() || workers.anyLives()) {
        needed = System.nanoTime();
      } else if (System.nanoTime() - needed > idle.toNanos()) {
        LOG.log(Level.INFO, "nobody has needed this keeper for {0}", idle);
        return;
      }
    }
  }

  private void accept() {
    try {
      while (true) {
        var channel = server.accept();
        if (clients.size() >= MOST_CLIENTS) {
          channel.close();
          continue;
        }
        var wire = new KeeperWire(channel);
        clients.add(wire);
        Thread.ofPlatform().name("keeper-client").daemon().start(() -> serve(wire));
      }
    } catch (ClosedChannelException _) {
      // It is closing.
    } catch (IOException e) {
      LOG.log(Level.ERROR, "no more connections", e);
      stopped.countDown();
    }
  }

  private void serve(KeeperWire wire) {
    String name = "";
    try (wire) {
      for (var words = wire.read(); words != null; words = wire.read()) {
        if (words.isEmpty()) {
          throw new IOException("a message without words");
        }
        if (name.isEmpty()) {
          name = hello(wire, words);
          continue;
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
      watchers.remove(wire);
    }
    afterwards(name);
  }

  private void afterwards(String name) {
    try {
      workers.lost(name, EXIT_WITHIN);
    } catch (IOException e) {
      LOG.log(Level.WARNING, "whether %s has exited is not known".formatted(name), e);
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  /// Greets a client, or tells it why not.
  private String hello(KeeperWire wire, List<String> words) throws IOException {
    try {
      if (words.size() != 4
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
        case "hold" -> ok(segments.hold(checked(arguments, 0), number(arguments.get(1)), name));
        case "claim" -> ok(claim(checked(arguments, 0), name));
        case "take" -> ok(take(checked(arguments, 0), arguments.get(1), name));
        case "release" -> {
          release(checked(arguments, 0), name);
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
        case "watch" -> {
          watchers.add(wire);
          yield List.of("ok");
        }
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

  /// The fence: one at a time, so that of two who want the same memory one gets it.
  private Segment take(String segment, String owner, String name)
      throws IOException, InterruptedException {
    synchronized (handingOver) {
      checkOwner(segment, owner);
      if (owner.equals(name)) {
        throw new IOException("segment %s is its own already".formatted(segment));
      }
      workers.fence(owner, EXIT_WITHIN);
      return segments.giveTo(segment, name);
    }
  }

  private Segment claim(String segment, String name) throws IOException {
    synchronized (handingOver) {
      var owner = segments.get(segment).owner();
      if (!owner.isEmpty() && !owner.equals(name)) {
        throw new IOException("segment %s is %s's".formatted(segment, owner));
      }
      return segments.giveTo(segment, name);
    }
  }

  private void release(String segment, String name) throws IOException {
    synchronized (handingOver) {
      checkOwner(segment, name);
      segments.release(segment);
    }
  }

  private void checkOwner(String segment, String owner) throws IOException {
    var its = segments.get(segment).owner();
    if (!its.equals(owner)) {
      throw new IOException("segment %s is %s's, not %s's".formatted(segment, its, owner));
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

  private void tell(WorkerExit exit) {
    LOG.log(Level.DEBUG, "{0}, process {1}, exited: {2}", exit.worker(), exit.pid(), exit.status());
    var words =
        List.of(
            "exited", exit.worker(), Long.toString(exit.pid()), Integer.toString(exit.status()));
    for (var watcher : watchers) {
      // One that does not read keeps nobody else waiting.
      Thread.ofPlatform().name("keeper-tell").daemon().start(() -> tell(watcher, words));
    }
  }

  private static void tell(KeeperWire watcher, List<String> words) {
    try {
      watcher.write(words);
    } catch (IOException e) {
      LOG.log(Level.DEBUG, "a watcher is gone", e);
    }
  }

  /// Lets go of everything. Workers go on.
  @Override
  public void close() throws IOException {
    server.close();
    Files.deleteIfExists(socket);
    clients.forEach(KeeperWire::close);
    segments.close();
  }
}
