package io.dejavu.kv.stream;

import io.dejavu.kv.stream.KvMessage.Piece;
import io.dejavu.transport.Connection;
import java.util.ArrayList;
import java.util.List;

/// A frame that fills up: first what is to be said, and pieces as long as there is room.
final class FrameFilling {
  private final long mostBytes;
  private final List<KvMessage> messages = new ArrayList<>();
  private final List<Piece> pieces = new ArrayList<>();
  private long bytes;

  /// @param mostBytes of all pieces together
  FrameFilling(long mostBytes) {
    this.mostBytes = mostBytes;
  }

  /// For all messages of one stream and a piece.
  boolean hasRoom() {
    return (messages.size() + pieces.size() + 4) * KvFrame.MOST_MESSAGE
        <= Connection.MOST_HEAD - KvFrame.HEADER;
  }

  boolean isEmpty() {
    return messages.isEmpty() && pieces.isEmpty();
  }

  void add(KvMessage message) {
    messages.add(message);
  }

  /// Takes from a stream what it has to say, and one piece.
  ///
  /// @return whether that was anything
  boolean takeFrom(SenderStream stream, long now) {
    boolean progress = stream.say(messages, now);
    // Small pieces fill up a frame; what has to be cut anyway rather waits for the next one.
    boolean whole = bytes > mostBytes / 2;
    var piece = stream.take(mostBytes - bytes, whole, now);
    if (piece == null) {
      return progress;
    }
    pieces.add(piece);
    bytes += stream.bytes(piece);
    return true;
  }

  /// Before the pieces.
  List<KvMessage> messages() {
    return messages;
  }

  List<Piece> pieces() {
    return pieces;
  }

  /// Of all pieces.
  long bytes() {
    return bytes;
  }
}
