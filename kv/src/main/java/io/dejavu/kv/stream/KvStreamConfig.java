package io.dejavu.kv.stream;

import java.time.Duration;

/// How keys and values are streamed. Both sides of a connection may differ in it.
///
/// @param pieceBytes most bytes that are sent, checked and acknowledged at once; such a piece
///   should fit into a core's cache, so that its checksum costs no second reading
/// @param laneFrames most frames on a lane that are not acknowledged yet
/// @param queuedBytes from so many bytes posted and not sent on, the listener hears that the peer
///   is too slow
/// @param runBytes from so many bytes per run on, on average, a piece is sent from where it lies
///   and received to where it belongs; smaller runs are packed
/// @param checksums whether each piece carries a CRC32C
/// @param mostMismatches so many pieces that do not fit their checksum cost a lane
/// @param lease a stream that hears nothing for so long is given up by the receiver
/// @param patience how long a peer may take to make room, to acknowledge, or to send the rest of a
///   piece; then its lane is lost
public record KvStreamConfig(
    int pieceBytes,
    int laneFrames,
    long queuedBytes,
    int runBytes,
    boolean checksums,
    int mostMismatches,
    Duration lease,
    Duration patience) {
  /// Most bytes of a piece that a receiver takes.
  public static final int MOST_PIECE = 4 << 20;

  public static final KvStreamConfig DEFAULT =
      new KvStreamConfig(
          1 << 20, 16, 64 << 20, 4 << 10, true, 16, Duration.ofSeconds(10), Duration.ofSeconds(5));

  public KvStreamConfig {
    if (pieceBytes < 1
        || pieceBytes > MOST_PIECE
        || laneFrames < 1
        || queuedBytes < 1
        || runBytes < 1
        || mostMismatches < 1
        || !lease.isPositive()
        || !patience.isPositive()) {
      throw new IllegalArgumentException(
          "pieces of %d bytes (at most %d), %d frames, %d queued bytes, runs of %d, "
                  .formatted(pieceBytes, MOST_PIECE, laneFrames, queuedBytes, runBytes)
              + "%d mismatches, a lease of %s, patience of %s"
                  .formatted(mostMismatches, lease, patience));
    }
  }

  public KvStreamConfig withPieceBytes(int pieceBytes) {
    return new KvStreamConfig(
        pieceBytes, laneFrames, queuedBytes, runBytes, checksums, mostMismatches, lease, patience);
  }

  public KvStreamConfig withLaneFrames(int laneFrames) {
    return new KvStreamConfig(
        pieceBytes, laneFrames, queuedBytes, runBytes, checksums, mostMismatches, lease, patience);
  }

  public KvStreamConfig withQueuedBytes(long queuedBytes) {
    return new KvStreamConfig(
        pieceBytes, laneFrames, queuedBytes, runBytes, checksums, mostMismatches, lease, patience);
  }

  public KvStreamConfig withChecksums(boolean checksums) {
    return new KvStreamConfig(
        pieceBytes, laneFrames, queuedBytes, runBytes, checksums, mostMismatches, lease, patience);
  }

  public KvStreamConfig withLease(Duration lease) {
    return new KvStreamConfig(
        pieceBytes, laneFrames, queuedBytes, runBytes, checksums, mostMismatches, lease, patience);
  }

  public KvStreamConfig withPatience(Duration patience) {
    return new KvStreamConfig(
        pieceBytes, laneFrames, queuedBytes, runBytes, checksums, mostMismatches, lease, patience);
  }
}
