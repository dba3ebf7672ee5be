package io.dejavu.kv.stream;

/// How a stream ended, at either side.
public sealed interface KvOutcome {
  /// The receiver has all of it, every layer verified.
  ///
  /// @param tokens up to which
  record Done(int tokens) implements KvOutcome {}

  /// The receiver, or the file, did not want it, or does not any more: no room, another form,
  /// another epoch.
  record Refused(String why) implements KvOutcome {}

  /// One side changed its mind.
  record Cancelled(String why) implements KvOutcome {}

  /// The receiver heard nothing for too long.
  record Expired(String why) implements KvOutcome {}

  /// No connection to the other side is left, or the disk does not take what is written.
  record PeerLost(String why) implements KvOutcome {}
}
