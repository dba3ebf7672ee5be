package io.dejavu.model;

/// Hears how far the loading of weights is.
@FunctionalInterface
public interface LoadProgress {
  LoadProgress SILENT = (name, done, total) -> {};

  /// @param name of the weight that was packed
  /// @param done matrices packed so far, this one included
  /// @param total matrices in all
  void loaded(String name, int done, int total);
}
