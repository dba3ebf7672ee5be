package io.dejavu.kv.stream;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/// What a receiver says on one lane: first what the lane's own frames have caused, then what any
/// lane may say, and last how many of its frames were dealt with.
final class LaneReplies {
  private final Deque<KvMessage> ofAll;

  /// They must not come later than what acknowledges their cause.
  private final Deque<KvMessage> own = new ArrayDeque<>();

  private long frames;
  private long acknowledged;
  private long repliedAt;

  /// @param ofAll lanes together; should one get lost with its lane, the sender asks
  LaneReplies(Deque<KvMessage> ofAll) {
    this.ofAll = ofAll;
  }

  /// A frame begins.
  ///
  /// @throws BadFrame if it is not the next one
  void begin(long number) throws BadFrame {
    if (number != frames + 1) {
      throw new BadFrame("frame %d after %d".formatted(number, frames));
    }
  }

  void add(KvMessage message) {
    own.add(message);
  }

  /// All of a frame was dealt with.
  ///
  /// @param more whether the sender thinks that another one follows at once
  /// @return whether it is time to reply
  boolean done(boolean more, KvStreamConfig config, long now) {
    frames++;
    return !more
        || !own.isEmpty()
        || !ofAll.isEmpty()
        || frames - acknowledged >= Math.max(1, config.laneFrames() / 2)
        || now - repliedAt > config.patience().toNanos() / 8;
  }

  boolean isEmpty() {
    return own.isEmpty() && ofAll.isEmpty() && frames == acknowledged;
  }

  /// What to say now; each is given once.
  ///
  /// @param most messages
  List<KvMessage> take(int most, long now) {
    if (isEmpty()) {
      return List.of();
    }
    var taken = new ArrayList<KvMessage>();
    while (!own.isEmpty() && taken.size() < most) {
      taken.add(own.remove());
    }
    while (!ofAll.isEmpty() && taken.size() < most) {
      taken.add(ofAll.remove());
    }
    if (own.isEmpty() && frames > acknowledged) {
      // Last: whoever sees it has seen all that was wrong with these frames.
      taken.add(new KvMessage.Ack(frames));
      acknowledged = frames;
    }
    repliedAt = now;
    return taken;
  }
}
