package io.dejavu.model;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;

/// Damages bytes as disks, networks and people with bad intentions do.
final class Mutations {
  private static final String[] PIECES = {
    "null",
    "[]",
    "{}",
    "-1",
    "0",
    "1e999",
    "9223372036854775807",
    "99999999999999999999999999",
    "NaN",
    "\"",
    "}",
    "]",
    ",",
    "\\u0000",
    "\"a\":1,",
    "true",
    "[[[[[[[[[["
  };

  private Mutations() {}

  /// One to three changes somewhere in `bytes`.
  static byte[] of(byte[] bytes, Random random) {
    return of(bytes, bytes.length, random);
  }

  /// One to three changes in the first `end` bytes, or a cut anywhere.
  static byte[] of(byte[] bytes, int end, Random random) {
    var mutated = bytes;
    for (int i = random.nextInt(3); i >= 0; i--) {
      mutated = once(mutated, Math.min(end, mutated.length), random);
    }
    return mutated;
  }

  private static byte[] once(byte[] bytes, int end, Random random) {
    if (end == 0) {
      return bytes;
    }
    int at = random.nextInt(end);
    return switch (random.nextInt(7)) {
      case 0 -> {
        var changed = bytes.clone();
        changed[at] ^= (byte) (1 << random.nextInt(8));
        yield changed;
      }
      case 1 -> {
        var changed = bytes.clone();
        changed[at] = (byte) random.nextInt(256);
        yield changed;
      }
      case 2 -> Arrays.copyOf(bytes, random.nextInt(bytes.length));
      case 3 -> splice(bytes, at, Math.min(bytes.length, at + 1 + random.nextInt(16)), new byte[0]);
      case 4 ->
          splice(bytes, at, at, Arrays.copyOfRange(bytes, at, Math.min(bytes.length, at + 32)));
      case 5 -> splice(bytes, at, at, piece(random));
      default -> number(bytes, at, random);
    };
  }

  /// Another value for the number at or after `at`.
  private static byte[] number(byte[] bytes, int at, Random random) {
    int from = at;
    while (from < bytes.length && !Character.isDigit(bytes[from])) {
      from++;
    }
    int to = from;
    while (to < bytes.length && Character.isDigit(bytes[to])) {
      to++;
    }
    return splice(bytes, from, to, piece(random));
  }

  private static byte[] piece(Random random) {
    var piece =
        random.nextInt(4) == 0 ? "" + random.nextInt(1000) : PIECES[random.nextInt(PIECES.length)];
    return piece.getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] splice(byte[] bytes, int from, int to, byte[] with) {
    var spliced = Arrays.copyOf(bytes, from + with.length + bytes.length - to);
    System.arraycopy(with, 0, spliced, from, with.length);
    System.arraycopy(bytes, to, spliced, from + with.length, bytes.length - to);
    return spliced;
  }
}
