package io.dejavu.kv.stream;

import io.dejavu.kv.BlockHash;
import io.dejavu.kv.KvSlice;
import io.dejavu.kv.TokenRange;
import io.dejavu.kv.disk.KvLabel;

/// A record that {@link KvFileStreams} has in a slot, and how much of it counts.
///
/// @param until tokens from there on were written again by a newer epoch
record FileRecord(int slot, Origin origin, KvSlice slice, int until) {
  FileRecord {
    if (slice.tokens().start() >= until) {
      throw new IllegalArgumentException("%s counts before token %d".formatted(slice, until));
    }
  }

  /// Which stream a record was written by: it stands in the place of its content's hash, so records
  /// of different streams cannot be mixed up, not even those of one request and one epoch.
  ///
  /// @param stream a number that no other stream has, drawn by lot
  /// @param start the stream's first token: those before it are in records of `before`
  /// @param before the stream that it continues, 0 if there is none
  record Origin(long stream, int epoch, int start, long before) {
    /// Tells records of streams from others: `KVSTREAM` in ASCII.
    private static final long TAG = 0x4b56_5354_5245_414dL;

    BlockHash content() {
      return new BlockHash(TAG, stream, (long) epoch << 32 | start, before);
    }

    static boolean isIn(KvLabel label) {
      return label.content().a() == TAG;
    }

    static Origin of(KvLabel label) {
      var content = label.content();
      return new Origin(content.b(), (int) (content.c() >>> 32), (int) content.c(), content.d());
    }
  }

  int start() {
    return slice.tokens().start();
  }

  /// Tokens of it that count.
  TokenRange counted() {
    return new TokenRange(start(), Math.min(slice.tokens().end(), until));
  }

  /// The same if no token counts from `end` on. It must begin before.
  FileRecord before(int end) {
    return new FileRecord(slot, origin, slice, Math.min(until, end));
  }
}
