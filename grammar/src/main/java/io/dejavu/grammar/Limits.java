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

  /// Steps of readings that a mask may take; tokens that would take more are left out.
  static final long MASK_STEPS = 8_000_000;

  /// States of a grammar that are kept, and readings in all of them together.
  static final int STATES = 20_000;

  static final int STATE_READINGS = 400_000;

  /// Bytes of masks that are kept for a grammar.
  static final long MASK_BYTES = 8 << 20;

  private Limits() {}
}
