package io.dejavu.grammar;

import java.util.Arrays;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/// The tokens of a vocabulary as a tree of bytes, in the order of a walk through it: a node is
/// followed by what is below it, and knows where that ends.
///
/// ```
/// node    0    1    2    3    4          tokens "a" "ab" "abc" "b" "ba"
/// byte    a    b    c    b    a
/// depth   0    1    2    0    1
/// end     3    3    3    5    5
/// ```
final class TokenTrie {
  private final int longest;
  private final byte[][] bytes;
  // Ids in the order of their bytes, and where those that end at a node begin.
  private final int[] ids;
  private final int[] firstId;
  private final byte[] label;
  private final short[] depth;
  private final int[] end;
  private final short[] plain;
  private final long[] below;

  /// @param bytes of each id; null or empty: never part of a text
  TokenTrie(int size, IntFunction<byte @Nullable []> bytes) {
    this.bytes = new byte[size][];
    long total = 0;
    int most = 0;
    int known = 0;
    var order = new Integer[size];
    for (int id = 0; id < size; id++) {
      var token = bytes.apply(id);
      this.bytes[id] = token == null ? new byte[0] : token;
      total += this.bytes[id].length;
      most = Math.max(most, this.bytes[id].length);
      if (this.bytes[id].length > 0) {
        order[known++] = id;
      }
    }
    if (total > Integer.MAX_VALUE / 2 || most > Short.MAX_VALUE) {
      throw new GrammarException(
          "a vocabulary with %,d bytes, %,d in one token".formatted(total, most));
    }
    longest = most;
    Arrays.sort(order, 0, known, (a, b) -> Arrays.compareUnsigned(this.bytes[a], this.bytes[b]));
    ids = new int[known];
    var labels = new byte[(int) total];
    var depths = new short[(int) total];
    var ends = new int[(int) total];
    var firsts = new int[(int) total + 1];
    int nodes = 0;
    var path = new int[longest];
    int open = 0;
    byte[] before = {};
    for (int i = 0; i < known; i++) {
      ids[i] = order[i];
      var token = this.bytes[ids[i]];
      int shared = Arrays.mismatch(before, token);
      shared = shared < 0 ? token.length : shared;
      for (; open > shared; open--) {
        ends[path[open - 1]] = nodes;
      }
      for (; open < token.length; open++) {
        path[open] = nodes;
        labels[nodes] = token[open];
        depths[nodes] = (short) open;
        // Those on the way end nowhere themselves: nothing lies between them and the next.
        firsts[nodes] = i;
        nodes++;
      }
      before = token;
    }
    for (; open > 0; open--) {
      ends[path[open - 1]] = nodes;
    }
    firsts[nodes] = known;
    label = Arrays.copyOf(labels, nodes);
    depth = Arrays.copyOf(depths, nodes);
    end = Arrays.copyOf(ends, nodes);
    firstId = Arrays.copyOf(firsts, nodes + 1);
    plain = new short[nodes];
    below = new long[nodes];
    for (int node = nodes - 1; node >= 0; node--) {
      plain[node] = (short) plainBelow(node);
      below[node] = groupsBelow(node);
    }
  }

  private int plainBelow(int node) {
    int most = 0;
    for (int child = node + 1; child < end[node]; child = end[child]) {
      int b = label[child] & 0xff;
      int rest = Utf8.isPlain(b) ? plain[child] : -1;
      for (var lead : Utf8.LEADS) {
        if (b >= lead[0] && b <= lead[1]) {
          rest = plainWithin(child, lead[2], lead[3], lead[4]);
        }
      }
      if (rest < 0) {
        return -1;
      }
      most = Math.max(most, rest + 1);
    }
    return most;
  }

  /// The same from within a character, of which `missing` bytes are to come.
  private int plainWithin(int node, int from, int to, int missing) {
    int most = 0;
    for (int child = node + 1; child < end[node]; child = end[child]) {
      int b = label[child] & 0xff;
      int rest =
          b < from || b > to
              ? -1
              : missing == 1 ? plain[child] : plainWithin(child, 0x80, 0xbf, missing - 1);
      if (rest < 0) {
        return -1;
      }
      most = Math.max(most, rest);
    }
    return most;
  }

  /// Bytes of the longest token.
  int longest() {
    return longest;
  }

  int nodes() {
    return label.length;
  }

  byte label(int node) {
    return label[node];
  }

  /// How many bytes lie above it.
  int depth(int node) {
    return depth[node];
  }

  /// The node after all that are below this one.
  int end(int node) {
    return end[node];
  }

  private long groupsBelow(int node) {
    long groups = 0;
    for (int child = node + 1; child < end[node]; child = end[child]) {
      int b = label[child] & 0xff;
      if (b < 0x80) {
        groups |= 1L << Utf8.group(b) | below[child];
      } else {
        long within = 1L << Utf8.BROKEN;
        for (var lead : Utf8.LEADS) {
          if (b >= lead[0] && b <= lead[1]) {
            within = groupsWithin(child, lead[2], lead[3], lead[4]);
          }
        }
        groups |= 1L << Utf8.OTHERS | within;
      }
    }
    return groups;
  }

  private long groupsWithin(int node, int from, int to, int missing) {
    long groups = 0;
    for (int child = node + 1; child < end[node]; child = end[child]) {
      int b = label[child] & 0xff;
      if (b < from || b > to) {
        groups |= 1L << Utf8.BROKEN;
      } else {
        groups |= missing == 1 ? below[child] : groupsWithin(child, 0x80, 0xbf, missing - 1);
      }
    }
    return groups;
  }

  /// Of which groups the bytes below a node are, which is at the end of a character.
  long groups(int node) {
    return below[node];
  }

  /// If all below a node, which is at the end of a character, are plain characters: how many there
  /// are on the longest way. Else -1.
  int plain(int node) {
    return plain[node];
  }

  /// Allows the tokens that end at a node, and all below it.
  void allowAll(int node, long[] mask) {
    allow(firstId[node], firstId[end[node]], mask);
  }

  /// Allows the tokens that end at a node.
  void allow(int node, long[] mask) {
    // A node's own tokens come before those below it, and what is below begins at the next node.
    allow(firstId[node], firstId[node + 1], mask);
  }

  private void allow(int from, int to, long[] mask) {
    for (int i = from; i < to; i++) {
      int id = ids[i];
      mask[id / Long.SIZE] |= 1L << id;
    }
  }

  /// Empty for what is never part of a text.
  byte[] bytes(int id) {
    return bytes[id];
  }
}
