package io.dejavu.kv.disk;

import io.dejavu.kv.BlockHash;
import io.dejavu.kv.KvMemory;
import io.dejavu.tensor.HostBuffer;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// Reads and writes a {@link KvFile} while others compute, through a few buffers of its own.
/// Whoever computes copies between those and its memory, and never waits for the disk.
///
/// A buffer belongs to one thread at a time, which hands it to the next:
///
/// ```
/// free ── kv-disk-reader ── kv-disk-checker ── whoever polls ── free     read · checksums · copied
/// free ── whoever writes ── kv-disk-checker ── kv-disk-writer ── free    copied · checksums · written
/// ```
///
/// So checksums of one buffer are taken while the disk is busy with another. The last of several
/// reads, or the only one, is checked by the thread that read it, which has nothing else to do.
///
/// One thread calls it, and {@link #poll}s for what has become of its orders. A write that fails,
/// because the disk is full for example, is one outcome of several; the first is logged.
public final class KvDisk implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(KvDisk.class.getName());

  /// How many buffers each thread has.
  public static final int BUFFERS = 4;

  static final long BUFFER_BYTES = 4 << 20;

  /// A disk that was slow once may be fast again: how often that is looked after.
  private static final int WRITES_PER_TRY = 128;

  private static final Duration GLANCE = Duration.ofSeconds(1);
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  private static final String COMPUTED_AGAIN =
      "a block is computed again: it did not come from disk";

  private final KvFile file;
  private final Duration patience;
  private final int records;
  private final List<HostBuffer> buffers = new ArrayList<>();
  private final BlockingQueue<HostBuffer> freeToRead = new LinkedBlockingQueue<>();
  private final BlockingQueue<HostBuffer> freeToWrite = new LinkedBlockingQueue<>();
  // Bounded by the blocks that wait for it.
  private final BlockingQueue<Read> reads = new LinkedBlockingQueue<>();
  // Bounded by the buffers, both; what is empty is the last.
  private final BlockingQueue<Optional<Runnable>> checks = new LinkedBlockingQueue<>();
  private final BlockingQueue<Optional<Write>> writes = new LinkedBlockingQueue<>();
  private final BlockingQueue<Arrival> arrivals = new LinkedBlockingQueue<>();
  private final Thread reader =
      Thread.ofPlatform().name("kv-disk-reader").daemon().unstarted(this::read);
  private final Thread checker =
      Thread.ofPlatform().name("kv-disk-checker").daemon().unstarted(this::check);
  private final Thread writer =
      Thread.ofPlatform().name("kv-disk-writer").daemon().unstarted(this::write);
  private volatile Runnable wake = () -> {};
  private volatile boolean closing;
  private volatile boolean speedIsKnown;
  private int written; // by the writer
  private volatile boolean hasFailed;

  /// Blocks wanted from consecutive slots.
  ///
  /// @param ticket the caller's name for what they belong to
  /// @param index of the first of them there
  public record Read(long ticket, int index, int slot, List<BlockHash> contents) {
    public Read {
      contents = List.copyOf(contents);
    }
  }

  private record Write(int slot, List<KvLabel> labels, HostBuffer buffer) {}

  // Wakes a thread that is to end.
  private static final Read NO_READ = new Read(0, 0, 0, List.of());

  /// What has happened.
  public sealed interface Arrival {
    /// What was in the file, the longest unused first.
    record Scanned(List<KvFile.Found> found) implements Arrival {}

    /// A write is done.
    ///
    /// @param whole whether all of it is there
    record Written(int slot, List<BlockHash> contents, boolean whole) implements Arrival {}

    /// A read is done; the buffer is to be given back by {@link #release}.
    ///
    /// @param good so many of the first are what was wanted
    /// @param nanos that it kept the disk busy, or the checksums, whichever is longer
    record Arrived(Read read, HostBuffer buffer, int good, long bytes, long nanos)
        implements Arrival {}

    /// How fast the disk is, tried out.
    record Tried(long bytes, long nanos) implements Arrival {}
  }

  private KvDisk(KvFile file, Duration patience) {
    this.file = file;
    this.patience = patience;
    this.records = Math.clamp(BUFFER_BYTES / file.slotBytes(), 1, 64);
    for (int i = 0; i < 2 * BUFFERS; i++) {
      buffers.add(file.allocate(records));
      (i % 2 == 0 ? freeToRead : freeToWrite).add(buffers.getLast());
    }
  }

  /// Starts the threads; the first thing that arrives is what is in the file.
  ///
  /// @param file closed with this
  public static KvDisk start(KvFile file) {
    return start(file, PATIENCE);
  }

  /// @param patience with a disk that hangs, when this is closed
  static KvDisk start(KvFile file, Duration patience) {
    var disk = new KvDisk(file, patience);
    disk.reader.start();
    disk.checker.start();
    disk.writer.start();
    return disk;
  }

  /// Most blocks of one read or write.
  public int records() {
    return records;
  }

  /// @param wake called by other threads when something has arrived
  public void onArrival(Runnable wake) {
    this.wake = wake;
  }

  /// A buffer to write from; null if all are under way.
  public @Nullable HostBuffer bufferToWrite() {
    return freeToWrite.poll();
  }

  /// Where the `index`-th block of a buffer lies: {@link KvMemory#copyOut} of one block.
  public MemorySegment block(HostBuffer buffer, int index) {
    return file.payload(buffer, index);
  }

  /// Writes the first blocks of a buffer to consecutive slots.
  ///
  /// @param buffer from {@link #bufferToWrite}; no longer the caller's
  public void write(int slot, List<KvLabel> labels, HostBuffer buffer) {
    var write = new Write(slot, List.copyOf(labels), buffer);
    checks.add(Optional.of(() -> seal(write)));
  }

  private void seal(Write write) {
    file.sealBlocks(write.slot, write.labels.toArray(KvLabel[]::new), write.buffer);
    writes.add(Optional.of(write));
  }

  /// Reads blocks, at most {@link #records} of them.
  public void read(Read read) {
    if (read.contents.size() > records) {
      throw new IllegalArgumentException(
          "%d blocks, a buffer holds %d".formatted(read.contents.size(), records));
    }
    reads.add(read);
  }

  /// What has happened since; null if nothing has.
  public @Nullable Arrival poll() {
    return arrivals.poll();
  }

  /// Gives a buffer back that came with a read.
  public void release(HostBuffer buffer) {
    freeToRead.add(buffer);
  }

  private void arrive(Arrival arrival) {
    arrivals.add(arrival);
    wake.run();
  }

  private void read() {
    try {
      scan();
      while (!closing) {
        var wanted = next(reads);
        var buffer = wanted == null || closing ? null : waitForBuffer();
        if (wanted != null && buffer != null) {
          read(wanted, buffer);
        }
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt(); // Nobody does that.
    } catch (RuntimeException | Error e) {
      LOG.log(Level.ERROR, "no more blocks are read from disk", e);
    }
  }

  private @Nullable HostBuffer waitForBuffer() throws InterruptedException {
    HostBuffer buffer = null;
    while (!closing && buffer == null) {
      buffer = next(freeToRead);
    }
    return buffer;
  }

  private void scan() throws InterruptedException {
    var found = new ArrayList<KvFile.Found>();
    try {
      file.scan(found::add, () -> !closing);
      if (closing) {
        return;
      }
      if (!found.isEmpty()) {
        tryReading(found.getFirst().slot());
      }
    } catch (IOException e) {
      LOG.log(Level.WARNING, "the disk for keys and values cannot be read; it is not used", e);
      return;
    }
    found.sort(Comparator.comparingLong(KvFile.Found::written));
    arrive(new Arrival.Scanned(found));
  }

  private void tryReading(int slot) throws IOException, InterruptedException {
    var buffer = waitForBuffer();
    if (buffer == null) {
      return;
    }
    try {
      tryReading(slot, 1, buffer);
    } finally {
      release(buffer);
    }
  }

  /// The second time counts.
  private void tryReading(int slot, int count, HostBuffer buffer) throws IOException {
    file.read(slot, count, buffer);
    long begin = System.nanoTime();
    file.read(slot, count, buffer);
    speedIsKnown = true;
    arrive(new Arrival.Tried(count * file.slotBytes(), System.nanoTime() - begin));
  }

  private void read(Read wanted, HostBuffer buffer) {
    long begin = System.nanoTime();
    boolean came = false;
    try {
      file.read(wanted.slot, wanted.contents.size(), buffer);
      came = true;
    } catch (IOException e) {
      failed(COMPUTED_AGAIN, e);
    }
    long nanos = System.nanoTime() - begin;
    if (!came) {
      arrive(new Arrival.Arrived(wanted, buffer, 0, bytes(wanted), nanos));
    } else if (reads.isEmpty()) {
      verify(wanted, buffer, nanos);
    } else {
      checks.add(Optional.of(() -> verify(wanted, buffer, nanos)));
    }
  }

  private void verify(Read wanted, HostBuffer buffer, long readNanos) {
    long begin = System.nanoTime();
    int good = 0;
    try {
      for (; good < wanted.contents.size(); good++) {
        file.verify(wanted.slot + good, wanted.contents.get(good), buffer, good);
      }
    } catch (IOException e) {
      failed(COMPUTED_AGAIN, e);
    }
    long nanos = Math.max(readNanos, System.nanoTime() - begin);
    arrive(new Arrival.Arrived(wanted, buffer, good, bytes(wanted), nanos));
  }

  private long bytes(Read read) {
    return read.contents.size() * file.slotBytes();
  }

  private void check() {
    try {
      for (var task = next(checks); task == null || task.isPresent(); task = next(checks)) {
        if (task != null) {
          task.orElseThrow().run();
        }
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt(); // Nobody does that.
    } catch (RuntimeException | Error e) {
      LOG.log(Level.ERROR, "no more blocks are checked or written to disk", e);
    } finally {
      writes.add(Optional.empty());
    }
  }

  private static <T> @Nullable T next(BlockingQueue<T> queue) throws InterruptedException {
    return queue.poll(GLANCE.toMillis(), TimeUnit.MILLISECONDS);
  }

  private void write() {
    try {
      for (var write = next(writes); write == null || write.isPresent(); write = next(writes)) {
        if (write != null) {
          write(write.orElseThrow());
        }
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt(); // Nobody does that.
    } catch (RuntimeException | Error e) {
      LOG.log(Level.ERROR, "no more blocks are written to disk", e);
    }
  }

  private void write(Write write) {
    boolean whole = false;
    try {
      file.writeSealed(write.slot, write.labels.size(), write.buffer);
      whole = true;
      if (!speedIsKnown || ++written % WRITES_PER_TRY == 0) {
        tryReading(write.slot, write.labels.size(), write.buffer);
      }
    } catch (IOException e) {
      failed("blocks are not kept on disk", e);
    } finally {
      freeToWrite.add(write.buffer);
    }
    arrive(
        new Arrival.Written(
            write.slot, write.labels.stream().map(KvLabel::content).toList(), whole));
  }

  private void failed(String what, IOException e) {
    LOG.log(hasFailed ? Level.DEBUG : Level.WARNING, "%s: %s".formatted(what, e.getMessage()));
    LOG.log(Level.DEBUG, what, e);
    hasFailed = true;
  }

  /// Writes what is under way and ends. What a thread still uses then, because the disk hangs, is
  /// not freed.
  @Override
  public void close() {
    closing = true;
    reads.add(NO_READ);
    checks.add(Optional.empty()); // After all writes; checks that come later are for nobody.
    if (!Joining.join(patience, reader, checker, writer)) {
      LOG.log(Level.ERROR, "the disk for keys and values hangs; what it uses is not freed");
      return;
    }
    try {
      file.close();
    } catch (IOException e) {
      LOG.log(Level.WARNING, "the file of keys and values does not close", e);
    }
    buffers.forEach(HostBuffer::close);
  }
}
