package io.dejavu.hub;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/// One process, and one thread of it, fetches a blob at a time. It saves work, no more: blobs are
/// moved into place whole, and are checked before.
final class BlobLock implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(BlobLock.class.getName());
  private static final Duration GLANCE = Duration.ofMillis(100);

  private final @Nullable FileChannel file;

  private BlobLock(@Nullable FileChannel file) {
    this.file = file;
  }

  /// Waits while whoever holds it makes progress.
  ///
  /// @param growing what the holder writes to
  /// @param patience longest wait without progress
  static BlobLock take(Path path, Path growing, Duration patience) throws InterruptedException {
    FileChannel file;
    try {
      file = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    } catch (IOException e) {
      throw RepoCache.unwritable(path, e);
    }
    boolean held = false;
    try {
      long seen = -1;
      long since = System.nanoTime();
      while (tryLock(file) == null) {
        long length = RepoCache.length(growing);
        if (length != seen) {
          if (seen < 0) {
            LOG.log(
                System.Logger.Level.INFO, "waiting for another process that fetches {0}", growing);
          }
          seen = length;
          since = System.nanoTime();
        } else if (System.nanoTime() - since > patience.toNanos()) {
          throw new HubException(
              "another process holds %s and has fetched nothing for %d s"
                  .formatted(path, patience.toSeconds()));
        }
        Thread.sleep(GLANCE);
      }
      held = true;
      return new BlobLock(file);
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "no locks here: {0}", e.getMessage());
      return new BlobLock(null);
    } finally {
      if (!held) {
        close(file);
      }
    }
  }

  private static @Nullable FileLock tryLock(FileChannel file) throws IOException {
    try {
      return file.tryLock();
    } catch (OverlappingFileLockException _) {
      return null; // another thread of this process
    }
  }

  @Override
  public void close() {
    if (file != null) {
      close(file);
    }
  }

  private static void close(FileChannel file) {
    try {
      file.close();
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "closing a lock: {0}", e.getMessage());
    }
  }
}
