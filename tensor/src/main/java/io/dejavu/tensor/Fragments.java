package io.dejavu.tensor;

import java.util.Objects;

/// Places in a buffer whose bytes belong one after the other: a pattern of pieces, repeated at a
/// stride, as the same tokens of several layers are. Piece `i` of repetition `r` is `lengths[i]`
/// bytes from `offsets[i] + r * stride`; all pieces of a repetition come before the next one.
///
/// A value: nobody changes its arrays.
///
/// @param offsets of the pieces of repetition 0, in bytes
/// @param lengths of the pieces, in bytes
/// @param repeats at least 1
/// @param stride from one repetition to the next, in bytes
public record Fragments(long[] offsets, long[] lengths, int repeats, long stride) {
  public Fragments {
    if (offsets.length != lengths.length || repeats < 1) {
      throw new IllegalArgumentException(
          "%d offsets and %d lengths, %d times".formatted(offsets.length, lengths.length, repeats));
    }
  }

  /// Repetitions `[from, to)` alone.
  public Fragments repetitions(int from, int to) {
    Objects.checkFromToIndex(from, to, repeats);
    if (from == 0) {
      return new Fragments(offsets, lengths, to, stride);
    }
    var moved = new long[offsets.length];
    for (int i = 0; i < moved.length; i++) {
      moved[i] = offsets[i] + from * stride;
    }
    return new Fragments(moved, lengths, to - from, stride);
  }

  /// How many pieces there are.
  public long count() {
    return (long) offsets.length * repeats;
  }

  /// Bytes of all pieces.
  public long bytes() {
    long sum = 0;
    for (long length : lengths) {
      sum += length;
    }
    return sum * repeats;
  }

  /// Calls `visitor` for each piece, in order.
  public void forEach(Visitor visitor) {
    for (int r = 0; r < repeats; r++) {
      for (int i = 0; i < offsets.length; i++) {
        visitor.visit(offsets[i] + r * stride, lengths[i]);
      }
    }
  }

  /// Takes one piece.
  @FunctionalInterface
  public interface Visitor {
    void visit(long offset, long length);
  }

  @Override
  public String toString() {
    return "%d pieces, %d times, %d bytes".formatted(offsets.length, repeats, bytes());
  }
}
