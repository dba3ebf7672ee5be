package io.dejavu.engine;

/// Where keys and values wait behind the memory that they are computed in.
public enum Tier {
  /// Memory of the host, for as long as the process lives.
  HOST,
  /// A file, for the next process too.
  DISK
}
