package io.dejavu.grammar;

/// How large a grammar may be, and how much is kept of what was computed for it. Whatever a client
/// sends, compiling it and computing a mask take bounded time and memory.
final class Limits {
  /// Nodes of a compiled grammar; about one for each character that it spells out.
  static final int NODES = 200_000;

  /// How often something may be repeated by a number.
  static final int REPEATS = 20_000;

  /// How deep rules (and thus brackets) may nest in a text.
  static final int DEPTH = 160;

  /// How deep schemas, groups of a regular expression and merged schemas may nest.
  static final int NESTING = 100;

  /// How many schemas one may consist of, once for each place that it is merged into.
  static final int SCHEMAS = 20_000;

  /// How many alternatives two merged schemas may have together.
  static final int ALTERNATIVES = 64;

  /// How many ways to read a text so far are followed; what only a further one would allow is left
  /// out.
  static final int READINGS = 1024;

  /// How many properties an object may declare (each that may come next is one reading), and how
  /// many items an array.
  static final int PROPERTIES = 500;

  /// Longest name of a property, in characters.
  static final int NAME = 256;

  /// Places that are looked at for a step, on the way to its readings; as above.
  static final int VISITS = 4 * READINGS;

  /// How many readings a state may have of which a mask finds out whether all bytes lead to the
  /// same.
  static final int FEW_READINGS = 64;

  /// What a mask may cost: nodes of the vocabulary that are looked at, and places that are looked
  /// at for its steps, each some 50 ns. Tokens that would take more are left out.
  static final long MASK_COST = 500_000;

  /// States of a grammar that are kept, and readings in all of them together.
  static final int STATES = 20_000;

  static final int STATE_READINGS = 400_000;

  /// Bytes of masks that are kept for a grammar.
  static final long MASK_BYTES = 8 << 20;

  private Limits() {}
}
