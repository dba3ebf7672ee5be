package io.dejavu.kv.stream;

import io.dejavu.kv.stream.KvMessage.Piece;
import io.dejavu.kv.stream.SenderState.Outgoing;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Collections;
import java.util.Deque;
import java.util.List;

/// The frames of one lane that the peer has not acknowledged: at most so many, and noted, since
/// what they carry is sent again on another lane should this one be lost.
final class LaneWindow {
  private final int number;
  private final int mostFrames;
  private final Deque<Outgoing> frames = new ArrayDeque<>();
  private long sent;
  private long heardAt;

  /// @param number of the lane
  LaneWindow(int number, int mostFrames, long now) {
    this.number = number;
    this.mostFrames = mostFrames;
    heardAt = now;
  }

  boolean hasRoom() {
    return frames.size() < mostFrames;
  }

  boolean isEmpty() {
    return frames.isEmpty();
  }

  /// The lane's next frame.
  ///
  /// @param hasMore whether something else is ready to be sent
  Outgoing add(List<KvMessage> messages, List<Piece> pieces, boolean hasMore, long now) {
    if (frames.isEmpty()) {
      heardAt = now; // the peer owes an acknowledgement from now on
    }
    sent++;
    boolean more = hasMore && frames.size() + 1 < mostFrames;
    var frame = new Outgoing(number, sent, more, messages, pieces);
    frames.add(frame);
    return frame;
  }

  void heard(long now) {
    heardAt = now;
  }

  /// Whether the peer owes an acknowledgement and has said nothing for so long.
  boolean isStuck(long now, long nanos) {
    return !frames.isEmpty() && now - heardAt > nanos;
  }

  /// @param upTo a frame's number
  /// @throws BadFrame if it was not sent yet
  void acknowledged(long upTo) throws BadFrame {
    if (upTo > sent) {
      throw new BadFrame("%d frames acknowledged, %d sent".formatted(upTo, sent));
    }
    while (!frames.isEmpty() && frames.element().number() <= upTo) {
      frames.remove();
    }
  }

  /// Whether it is on its way.
  boolean contains(Piece piece) {
    return frames.stream().anyMatch(frame -> frame.pieces().contains(piece));
  }

  /// Oldest first.
  Collection<Outgoing> frames() {
    return Collections.unmodifiableCollection(frames);
  }

  @Override
  public String toString() {
    return "%d sent, %d not acknowledged, heard at %d".formatted(sent, frames.size(), heardAt);
  }
}
