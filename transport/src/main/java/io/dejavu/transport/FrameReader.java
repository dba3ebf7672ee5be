package io.dejavu.transport;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Frames out of a stream of bytes. Reads ahead into a buffer, so that a small frame takes one
/// call; while frames are large, only as much as a head.
final class FrameReader {
  private static final int AHEAD = 16 << 10;
  private static final int AHEAD_OF_LARGE = 1 << 10;

  private final ByteLink link;
  private final String peer;
  private final long mostBody;
  private final Duration patience;
  private final MemorySegment headMemory;
  private final MemorySegment ahead;
  private int aheadFrom;
  private int aheadTo;
  private long bodyLeft;
  private boolean wasLarge;

  FrameReader(ByteLink link, String peer, long mostBody, Duration patience, Arena arena) {
    this.link = link;
    this.peer = peer;
    this.mostBody = mostBody;
    this.patience = patience;
    headMemory = arena.allocate(Connection.MOST_HEAD, 64);
    ahead = arena.allocate(AHEAD, 64);
  }

  /// The next frame's head, once what is left of the last frame has been skipped.
  ///
  /// @return null if none began to arrive
  @Nullable MemorySegment receive(Deadline deadline) throws ConnectionLost {
    while (bodyLeft > 0) {
      if (aheadFrom == aheadTo && !readAhead(AHEAD, deadline)) {
        return null;
      }
      int skipped = (int) Math.min(bodyLeft, aheadTo - aheadFrom);
      aheadFrom += skipped;
      bodyLeft -= skipped;
    }
    if (aheadFrom == aheadTo && !readAhead(wasLarge ? AHEAD_OF_LARGE : AHEAD, deadline)) {
      return null;
    }
    Deadline soon = Deadline.in(patience);
    while (aheadTo - aheadFrom < FrameHeader.BYTES) {
      if (!readAhead(AHEAD, soon)) {
        throw stalled();
      }
    }
    FrameHeader header = FrameHeader.read(ahead, aheadFrom, mostBody, peer);
    aheadFrom += FrameHeader.BYTES;
    MemorySegment head = headMemory.asSlice(0, header.head());
    if (header.head() > 0) {
      fill(List.of(head), header.head(), true, soon);
    }
    bodyLeft = header.body();
    wasLarge = header.body() > AHEAD;
    return head;
  }

  long bodyLeft() {
    return bodyLeft;
  }

  /// @param bytes of the targets together, at most what is left of the body
  void read(List<MemorySegment> targets, long bytes, Deadline deadline) throws ConnectionLost {
    bodyLeft -= bytes;
    if (bytes > 0) {
      fill(targets, bytes, bodyLeft == 0, deadline);
    }
  }

  /// @param readsOn whether to take along what comes behind the targets: a body or a header
  private void fill(List<MemorySegment> targets, long bytes, boolean readsOn, Deadline deadline)
      throws ConnectionLost {
    List<ByteBuffer> parts = new ArrayList<>(targets.size() + 1);
    FrameWriter.addAll(targets, parts);
    long left = bytes;
    for (ByteBuffer part : parts) {
      int some = Math.min(part.remaining(), aheadTo - aheadFrom);
      part.put(ahead.asSlice(aheadFrom, some).asByteBuffer());
      aheadFrom += some;
      left -= some;
    }
    parts.removeIf(part -> !part.hasRemaining());
    if (left == 0) {
      return;
    }
    // The buffer is empty here.
    aheadFrom = 0;
    aheadTo = 0;
    ByteBuffer next = ahead.asSlice(0, wasLarge ? AHEAD_OF_LARGE : AHEAD).asByteBuffer();
    if (readsOn) {
      parts.add(next);
    }
    ByteBuffer[] into = parts.toArray(ByteBuffer[]::new);
    while (left > 0) {
      long read = link.read(into, deadline);
      if (read == 0) {
        throw stalled();
      }
      left -= read;
      into = withRoom(into);
    }
    aheadTo = next.position();
  }

  /// Without the buffers at the front that are full.
  private static ByteBuffer[] withRoom(ByteBuffer[] parts) {
    int first = 0;
    while (first < parts.length && !parts[first].hasRemaining()) {
      first++;
    }
    return first == 0 ? parts : Arrays.copyOfRange(parts, first, parts.length);
  }

  private boolean readAhead(int most, Deadline deadline) throws ConnectionLost {
    if (aheadFrom == aheadTo) {
      aheadFrom = 0;
      aheadTo = 0;
    } else if (aheadFrom > 0) {
      MemorySegment.copy(ahead, aheadFrom, ahead, 0, aheadTo - aheadFrom);
      aheadTo -= aheadFrom;
      aheadFrom = 0;
    }
    int room = Math.min(most, (int) ahead.byteSize() - aheadTo);
    ByteBuffer into = ahead.asSlice(aheadTo, room).asByteBuffer();
    long read = link.read(new ByteBuffer[] {into}, deadline);
    aheadTo += (int) read;
    return read > 0;
  }

  private ConnectionLost stalled() {
    return new ConnectionLost(peer + " stopped in the middle of a frame");
  }
}
