package io.dejavu.hub;

/// Hears how far a pull is. Called by several threads at once; returns soon.
public interface PullProgress {
  /// Hears nothing.
  PullProgress NONE = new PullProgress() {};

  /// What is to be fetched is known.
  ///
  /// @param files that are not there yet
  /// @param bytes of these files
  /// @param present of `bytes`, those that an earlier pull left
  default void planned(int files, long bytes, long present) {}

  /// Negative where what was fetched turned out to be wrong.
  default void fetched(long bytes) {}
}
