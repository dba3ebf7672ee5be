package io.dejavu.kv.stream;

import io.dejavu.kv.stream.KvMessage.Piece;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Which lane of a receiver writes which piece now, so that no two write the same place, and nobody
/// gives memory back that is still being written. A lane writes one piece at a time.
final class PieceClaims {
  /// @param since the time it began
  record Claim(ReceiverStream stream, Piece piece, long since) {
    private boolean overlaps(Piece other) {
      return stream.number() == other.stream()
          && piece.layers().overlaps(other.layers())
          && piece.tokens().start() < other.tokens().end()
          && other.tokens().start() < piece.tokens().end();
    }
  }

  private final Map<Integer, Claim> claims = new TreeMap<>();

  void add(int lane, ReceiverStream stream, Piece piece, long now) {
    claims.put(lane, new Claim(stream, piece, now));
  }

  /// @return what the lane wrote; null if it wrote nothing
  @Nullable Claim remove(int lane) {
    return claims.remove(lane);
  }

  /// A lane but this one that writes some of the piece; -1 if none does.
  int rival(int lane, Piece piece) {
    for (var entry : claims.entrySet()) {
      if (entry.getKey() != lane && entry.getValue().overlaps(piece)) {
        return entry.getKey();
      }
    }
    return -1;
  }

  /// Whether some piece of this stream is being written.
  boolean contain(ReceiverStream stream) {
    return claims.values().stream().anyMatch(claim -> claim.stream == stream);
  }

  /// Whether something is being written that began by then.
  boolean containOneSince(long then) {
    return claims.values().stream().anyMatch(claim -> claim.since <= then);
  }
}
