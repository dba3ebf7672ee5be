package io.dejavu.kv.stream;

/// A peer sent what no peer may send: its lane is of no use any more.
final class BadFrame extends Exception {
  private static final long serialVersionUID = 1;

  BadFrame(String why) {
    super(why);
  }
}
