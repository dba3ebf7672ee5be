package io.dejavu.engine;

/// How one vector is made of a text's rows behind the final norm; all are then scaled to length 1.
public enum Pooling {
  /// No vector is wanted.
  NONE,
  /// The mean of all rows.
  MEAN,
  /// The last row, which in a decoder is the only one that has seen the whole text.
  LAST
}
