package io.dejavu.kv.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/// A file on a disk that is full after so many bytes, or tears the write that crosses its end, and
/// that may hang.
public final class SmallDisk extends FileChannel {
  private final FileChannel file;
  public volatile long room;
  // Reads wait for it.
  public volatile CountDownLatch opens = new CountDownLatch(0);
  // Writes wait for it.
  public volatile CountDownLatch takes = new CountDownLatch(0);
  public final AtomicInteger writesBegun = new AtomicInteger();
  public final AtomicInteger begun = new AtomicInteger();
  public final AtomicInteger done = new AtomicInteger();

  public SmallDisk(FileChannel file, long room) {
    this.file = file;
    this.room = room;
  }

  @Override
  public int write(ByteBuffer source, long position) throws IOException {
    writesBegun.incrementAndGet();
    await(takes);
    long fits = room - position;
    if (fits <= 0) {
      throw new IOException("No space left on device");
    }
    int count = (int) Math.min(fits, source.remaining());
    var part = source.slice(source.position(), count);
    int written = file.write(part, position);
    source.position(source.position() + written);
    return written;
  }

  @Override
  public int read(ByteBuffer target, long position) throws IOException {
    begun.incrementAndGet();
    await(opens);
    int count = file.read(target, position);
    done.incrementAndGet();
    return count;
  }

  private static void await(CountDownLatch latch) throws IOException {
    try {
      if (!latch.await(60, TimeUnit.SECONDS)) {
        throw new IOException("the disk hangs");
      }
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }

  @Override
  public long size() throws IOException {
    return file.size();
  }

  @Override
  protected void implCloseChannel() throws IOException {
    file.close();
  }

  @Override
  public int read(ByteBuffer target) {
    throw new UnsupportedOperationException();
  }

  @Override
  public long read(ByteBuffer[] targets, int offset, int length) {
    throw new UnsupportedOperationException();
  }

  @Override
  public int write(ByteBuffer source) {
    throw new UnsupportedOperationException();
  }

  @Override
  public long write(ByteBuffer[] sources, int offset, int length) {
    throw new UnsupportedOperationException();
  }

  @Override
  public long position() {
    throw new UnsupportedOperationException();
  }

  @Override
  public FileChannel position(long newPosition) {
    throw new UnsupportedOperationException();
  }

  @Override
  public FileChannel truncate(long size) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void force(boolean metaData) {
    throw new UnsupportedOperationException();
  }

  @Override
  public long transferTo(long position, long count, WritableByteChannel target) {
    throw new UnsupportedOperationException();
  }

  @Override
  public long transferFrom(ReadableByteChannel source, long position, long count) {
    throw new UnsupportedOperationException();
  }

  @Override
  public MappedByteBuffer map(MapMode mode, long position, long size) {
    throw new UnsupportedOperationException();
  }

  @Override
  public FileLock lock(long position, long size, boolean shared) {
    throw new UnsupportedOperationException();
  }

  @Override
  public FileLock tryLock(long position, long size, boolean shared) {
    throw new UnsupportedOperationException();
  }
}
