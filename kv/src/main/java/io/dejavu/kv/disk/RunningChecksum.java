package io.dejavu.kv.disk;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/// CRC32C of parts that come one after the other, taken by a thread of its own (`kv-checksum`)
/// while the disk is busy with them: memory is hardly faster than a disk today. Worth a thread for
/// some MiB.
final class RunningChecksum {
  static final long WORTH_BYTES = 4 << 20;
  static final long PART_BYTES = 1 << 20;

  private static final int PATIENCE_SECONDS = 60;
  private static final MemorySegment END = MemorySegment.ofArray(new byte[0]);

  // Bounded by the parts of a record.
  private final LinkedBlockingQueue<MemorySegment> parts = new LinkedBlockingQueue<>();
  private final LinkedBlockingQueue<Integer> result = new LinkedBlockingQueue<>();

  RunningChecksum() {
    Thread.ofPlatform().name("kv-checksum").daemon().start(this::run);
  }

  private void run() {
    var crc = new CRC32C();
    try {
      for (var part = next(); part != null; part = next()) {
        if (part.byteSize() == 0) {
          result.add((int) crc.getValue());
          return;
        }
        crc.update(part.asByteBuffer());
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt(); // Nobody does that; value() says so in time.
    }
  }

  /// Null if it does not come in time: who gives the parts hangs, or has failed.
  private @Nullable MemorySegment next() throws InterruptedException {
    return parts.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
  }

  /// Adds what comes next; it must not change before {@link #value}.
  void add(MemorySegment bytes) {
    for (long done = 0; done < bytes.byteSize(); done += PART_BYTES) {
      parts.add(bytes.asSlice(done, Math.min(PART_BYTES, bytes.byteSize() - done)));
    }
  }

  /// Waits for the checksum of all that was added, or ends without it being wanted.
  ///
  /// @throws IOException if it does not come in time
  int value() throws IOException {
    parts.add(END);
    try {
      var value = result.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
      if (value == null) {
        throw new IOException("no checksum within %d s".formatted(PATIENCE_SECONDS));
      }
      return value;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }
}
