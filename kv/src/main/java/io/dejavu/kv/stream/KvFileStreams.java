package io.dejavu.kv.stream;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.ERROR;
import static java.lang.System.Logger.Level.WARNING;

import io.dejavu.kv.KvLayout;
import io.dejavu.kv.KvMemory;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.TokenRange;
import io.dejavu.kv.disk.Joining;
import io.dejavu.kv.disk.KvFile;
import io.dejavu.kv.disk.KvLabel;
import io.dejavu.tensor.HostBuffer;
import io.dejavu.transport.Deadline;
import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// Streams keys and values into a file, and reads them back, after a restart too. A {@link
/// KvStream} into a file is posted to like one to a peer: who computes need not know which it is.
///
/// *What is on disk.* Records of L layers times S tokens, one in each slot of a {@link KvFile}:
/// some layers of many tokens while a prompt is computed layer by layer, then all layers of a block
/// of tokens. A block is written when all its tokens count, or when the stream finishes; so what is
/// on disk lags behind {@link KvStream#commit} by up to S - 1 tokens, and by what the disk has not
/// taken yet. {@link KvStream#committed} tells: these tokens are there with every layer, and can be
/// read by another process once this one is gone. Only a machine that crashes may take back what
/// its operating system or disk had not stored; that is found when it is read.
///
/// *After a restart*, {@link #onDisk} says what there is, {@link #read} puts it into blocks, and an
/// offer with a greater epoch goes on {@link KvOffer#from} where the verified tokens end, so those
/// are not written again. An offer whose tokens begin at 0 starts anew.
///
/// *Slots* belong to a request until it is {@link #drop}ped or its stream cancelled, or a newer
/// epoch writes it; how a stream ended otherwise changes nothing. Dropping is a note in memory:
/// after a restart, what was dropped and not overwritten since is found again, to be dropped again.
///
/// *When it fails.* With no free slot a stream ends {@link KvOutcome.Refused}, when the disk does
/// not take a record {@link KvOutcome.PeerLost}; what was committed stays. Others go on.
///
/// *Threads.* Posting puts a note into a queue and never waits. `kv-file-writer` gathers and
/// writes, and mostly tells the {@link KvStreamListener}, which hears `blocked` if more than
/// `queuedBytes` could be written. Reading is done by whoever calls, beside the writer.
public final class KvFileStreams implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(KvFileStreams.class.getName());

  /// Notes that wait at most for somebody to read them; who posts more reads them himself.
  private static final int MOST_POSTS = 16384;

  /// How often the writer looks for more by itself while it has something to do: waking it at every
  /// step would cost the step loop more than all the rest of posting.
  private static final long LINGER_NANOS = 4_000_000;

  /// So long after the last record it goes on looking.
  private static final long LATELY_NANOS = 20 * LINGER_NANOS;

  private static final long SLEEP_NANOS = 1_000_000_000;
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  private final String name;
  private final KvFile file;
  private final KvStreamListener listener;
  private final Duration patience;
  private final HostBuffer buffer; // the writer's
  private final SecureRandom lots = new SecureRandom();
  private final Map<Integer, KvStream> streams = new ConcurrentHashMap<>();
  private final AtomicInteger lastStream = new AtomicInteger();

  private final Queue<Consumer<FileState>> posts = new ConcurrentLinkedQueue<>();
  private final AtomicInteger posted = new AtomicInteger();

  /// Guards the state; held for microseconds.
  private final ReentrantLock deciding = new ReentrantLock();

  private final FileState state;
  private final EffectQueue<FileState.Effect> effects = new EffectQueue<>(this::tell);
  private final Thread writer =
      Thread.ofPlatform().name("kv-file-writer").daemon().unstarted(this::writeAll);
  private volatile boolean isParked;
  private volatile boolean isLingering;
  private volatile boolean closing;
  private volatile boolean hasFailed;

  /// What the file has of a request.
  ///
  /// @param epoch the newest of which there is a record
  /// @param tokens of which every layer is there; that they are whole is found when they are read
  public record OnDisk(long request, int epoch, int tokens) {}

  private final class IntoFile implements StreamPosts {
    @Override
    public String peer() {
      return name;
    }

    @Override
    public void post(int stream, LayerRange layers, TokenRange tokens) {
      KvFileStreams.this.post(decider -> decider.post(stream, layers, tokens));
    }

    @Override
    public void commit(int stream, int tokens) {
      KvFileStreams.this.post(decider -> decider.commit(stream, tokens));
    }

    @Override
    public void finish(int stream, int tokens) {
      KvFileStreams.this.post(decider -> decider.finish(stream, tokens));
      wake();
    }

    @Override
    public void cancel(int stream, String why) {
      decide(decider -> decider.cancel(stream, why)); // though the disk may hang
    }
  }

  private KvFileStreams(
      String name, KvFile file, KvStreamListener listener, long queuedBytes, Duration patience) {
    this.name = name;
    this.file = file;
    this.listener = listener;
    this.patience = patience;
    var layout = file.layout();
    long cells = (long) layout.layers().count() * layout.blockTokens();
    state = new FileState(layout, file.slots(), cells, queuedBytes);
    buffer = file.allocate(1);
  }

  /// Opens or makes a file, finds what is in it, and starts the writer.
  ///
  /// @param model tells files of different models apart: all that decides about keys and values
  /// @param layout of the memories that are streamed; how many blocks they have does not matter
  /// @param bytes most that the file may take
  /// @throws IllegalArgumentException if it holds no record
  /// @throws IOException if it cannot be opened or read, or another process has it
  public static KvFileStreams open(
      Path path, String model, KvLayout layout, long bytes, KvStreamListener listener)
      throws IOException {
    long slot = KvFile.slotBytes(layout.blockBytes());
    int slots = (int) Math.min(Integer.MAX_VALUE, bytes / slot);
    if (slots < 1) {
      throw new IllegalArgumentException(
          "a record takes %d bytes on disk, there may be %d".formatted(slot, bytes));
    }
    var file = KvFile.open(path, model, layout, layout.blockBytes(), slots);
    boolean complete = false;
    try {
      var all =
          open(path.toString(), file, listener, KvStreamConfig.DEFAULT.queuedBytes(), PATIENCE);
      complete = true;
      return all;
    } finally {
      if (!complete) {
        file.close();
      }
    }
  }

  /// @param file with payloads of a block's bytes; closed with this
  /// @param patience with a disk that hangs, when this is closed
  static KvFileStreams open(
      String name, KvFile file, KvStreamListener listener, long queuedBytes, Duration patience)
      throws IOException {
    if (file.payloadBytes() != file.layout().blockBytes()) {
      throw new IllegalArgumentException(
          "records of %d bytes for %s".formatted(file.payloadBytes(), file.layout()));
    }
    var found = new ArrayList<KvFile.Found>();
    file.scan(found::add);
    var all = new KvFileStreams(name, file, listener, queuedBytes, patience);
    all.state.adopt(found);
    all.writer.start();
    return all;
  }

  // --- streams

  /// Begins to write a request. The stream ends {@link KvOutcome.Refused} at once if its epoch is
  /// not greater than what is there, or its first token not there yet; a stream of an older epoch
  /// ends.
  ///
  /// @param offer of all layers and heads of the file's layout; tokens before its first one are
  ///   those that are in the file
  /// @param memory where the keys and values are
  /// @throws IllegalArgumentException if they are not, or not in that form
  public KvStream offer(KvOffer offer, KvMemory memory) {
    offer.requireIn(memory.layout());
    var layout = file.layout();
    offer.requireIn(layout);
    if (!offer.layers().equals(layout.layers())
        || !offer.heads().equals(layout.heads())
        || offer.wireTokens() != layout.blockTokens()) {
      throw new IllegalArgumentException("%s into a file of %s".formatted(offer, layout));
    }
    var stream = new KvStream(new IntoFile(), lastStream.incrementAndGet(), offer, memory);
    long lot = lots.nextLong(1, Long.MAX_VALUE);
    streams.put(stream.number(), stream);
    post(decider -> decider.open(stream.number(), offer, lot));
    wake();
    return stream;
  }

  /// Sees to it that what was posted is written, within a few milliseconds if the disk is free.
  /// Never waits.
  public void flush() {
    if (!isParked) {
      decide(_ -> {}); // the writer is busy: whoever is to hear `blocked` hears it now
    } else if (!isLingering) {
      LockSupport.unpark(writer);
    }
  }

  private void wake() {
    if (isParked) {
      LockSupport.unpark(writer);
    }
  }

  private void post(Consumer<FileState> note) {
    posts.add(note);
    if (posted.incrementAndGet() > MOST_POSTS || closing) {
      decide(_ -> {});
    }
  }

  private void decide(Consumer<FileState> event) {
    ask(
        decider -> {
          event.accept(decider);
          return true;
        });
  }

  /// The one door to the state.
  private <T extends @Nullable Object> T ask(Function<FileState, T> question) {
    T answer;
    deciding.lock();
    try {
      for (Consumer<FileState> post; (post = posts.poll()) != null; ) {
        posted.decrementAndGet();
        post.accept(state);
      }
      answer = question.apply(state);
      effects.add(state.effects());
    } finally {
      deciding.unlock();
    }
    effects.tell();
    return answer;
  }

  private void tell(FileState.Effect effect) {
    try {
      switch (effect) {
        case FileState.Effect.Granted(int number, int room) ->
            listener.granted(stream(number), room);
        case FileState.Effect.Committed(int number, int tokens) -> {
          stream(number).committed(tokens);
          listener.committed(stream(number), tokens);
        }
        case FileState.Effect.Ended(int number, KvOutcome outcome) -> {
          var stream = stream(number);
          stream.ended(outcome);
          try {
            listener.ended(stream, outcome);
          } finally {
            streams.remove(number);
            stream.release();
          }
        }
        case FileState.Effect.Blocked _ -> listener.blocked(name);
        case FileState.Effect.Unblocked _ -> listener.unblocked(name);
      }
    } catch (RuntimeException e) {
      LOG.log(WARNING, "whoever listens to streams into %s fails at %s".formatted(name, effect), e);
    }
  }

  private KvStream stream(int number) {
    var stream = streams.get(number);
    if (stream == null) {
      throw new IllegalStateException("stream %d goes on after its end".formatted(number));
    }
    return stream;
  }

  // --- the writer

  private void writeAll() {
    long wroteAt = System.nanoTime() - LATELY_NANOS;
    while (!closing) {
      var order = ask(FileState::next);
      if (order != null) {
        write(order);
        wroteAt = System.nanoTime();
      } else {
        rest(System.nanoTime() - wroteAt < LATELY_NANOS);
      }
    }
  }

  private void rest(boolean shortly) {
    // Whoever posts afterwards sees that it is parked or lingers, or it sees what was posted.
    isLingering = shortly;
    isParked = true;
    if (!closing && !ask(FileState::hasWork)) {
      LockSupport.parkNanos(this, shortly ? LINGER_NANOS : SLEEP_NANOS);
    }
    isParked = false;
  }

  private void write(FileState.Order order) {
    String trouble = null;
    boolean gathered = false;
    try {
      var record = order.record();
      var label =
          new KvLabel(
              record.origin().content(), order.stream().offer().request(), record.slice(), 0);
      var stream = stream(order.stream().number());
      var regions = stream.regions(record.slice().layers(), record.slice().tokens());
      stream.memory().gather(regions, file.payload(buffer, 0).asSlice(0, regions.bytes()));
      decide(decider -> decider.gathered(order));
      gathered = true;
      file.write(record.slot(), new KvLabel[] {label}, new long[] {regions.bytes()}, buffer);
    } catch (IOException | RuntimeException e) {
      failed("keys and values cannot be written", e);
      trouble = "%s: %s".formatted(name, e.getMessage());
    }
    boolean wasGathered = gathered;
    String why = trouble;
    decide(
        decider -> {
          if (!wasGathered) {
            decider.gathered(order);
          }
          decider.written(order, why);
        });
  }

  /// The first is logged.
  private void failed(String what, Exception e) {
    LOG.log(hasFailed ? DEBUG : WARNING, "%s: %s".formatted(name, what), e);
    hasFailed = true;
  }

  // --- what is there

  /// The requests that the file has something of.
  public List<OnDisk> onDisk() {
    return ask(
        decider ->
            decider.requests().stream()
                .map(
                    request ->
                        new OnDisk(request.request(), request.newest().epoch(), request.complete()))
                .toList());
  }

  /// Copies what there is of a request into a sequence's blocks. Waits for the disk; who interrupts
  /// that closes the file, as Java's channels are.
  ///
  /// Records that turn out to be torn or damaged, or cannot be read, are given up, and their slots
  /// are free.
  ///
  /// @param memory may have blocks of another size than the file's
  /// @param blocks of the sequence; nobody else may use them meanwhile. Tokens for which there is
  ///   no block are left out; behind those that are returned there may be anything
  /// @return up to which token all layers are there, verified; 0 if nothing is
  /// @throws IllegalArgumentException if the memory does not have these layers and heads
  /// @throws IllegalStateException if a stream writes the request now
  public int read(long request, KvMemory memory, int[] blocks) {
    var layout = file.layout();
    KvOffer.all(request, 0, layout, 1).requireIn(memory.layout());
    var filed = ask(decider -> decider.request(request));
    if (filed == null) {
      return 0;
    }
    var records = ask(_ -> filed.writer == null ? List.copyOf(filed.records()) : null);
    if (records == null) {
      throw new IllegalStateException("request %d is being written".formatted(request));
    }
    memory.beforeFilling(blocks);
    var damaged = new ArrayList<FileRecord>();
    try (var reader = new FileRecordReader(file, memory, blocks)) {
      for (var record : records) {
        try {
          reader.read(record);
        } catch (IOException e) {
          failed("slot %d is lost".formatted(record.slot()), e);
          damaged.add(record);
        }
      }
      if (!damaged.isEmpty()) {
        decide(decider -> decider.damaged(filed, damaged));
      }
      return reader.complete();
    }
  }

  /// Forgets a request: its stream ends, if there is one, and its slots are free.
  public void drop(long request) {
    decide(decider -> decider.drop(request));
  }

  int freeSlots() {
    return ask(FileState::freeSlots);
  }

  /// Ends all streams, and the record that is being written; what was committed stays. If the disk
  /// hangs, what it uses is not freed. Not to be called by the listener.
  @Override
  public void close() {
    decide(decider -> decider.close("the file is closed"));
    closing = true;
    LockSupport.unpark(writer);
    if (!Joining.join(patience, writer)) {
      LOG.log(ERROR, "%s: the disk hangs; what it uses is not freed".formatted(name));
      return;
    }
    decide(_ -> {}); // whatever was posted meanwhile
    try {
      effects.settle(Deadline.in(patience));
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
    try {
      file.close();
    } catch (IOException e) {
      LOG.log(WARNING, "%s does not close".formatted(name), e);
    }
    buffer.close();
  }
}
