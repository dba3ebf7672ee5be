package io.dejavu.grammar;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.BitSet;

/// A compiled grammar: nodes, and edges that take nothing, a byte, or a text of a rule. Immutable.
///
/// Each node knows how deep rules must nest at least to get from it to the end of its rule. What
/// would lead deeper than {@link Limits#DEPTH} is never entered, so that whatever was begun can be
/// ended.
final class Network {
  /// How deep a node that leads nowhere needs to nest.
  static final int NEVER = Integer.MAX_VALUE / 2;

  private final int start;
  private final BitSet ends;
  // The edges of node n: from first[n] to first[n + 1].
  private final int[] first;
  private final int[] kind;
  private final int[] argument;
  private final int[] target;
  private final int[] need;
  private final byte[] classes = new byte[256];
  private int classCount;

  Network(
      int start,
      BitSet ends,
      int[] firstEdge,
      int[] nextEdge,
      int[] kind,
      int[] argument,
      int[] target) {
    this.ends = ends;
    int nodes = firstEdge.length;
    first = new int[nodes + 1];
    this.kind = new int[kind.length];
    this.argument = new int[kind.length];
    this.target = new int[kind.length];
    int n = 0;
    for (int node = 0; node < nodes; node++) {
      first[node] = n;
      for (int e = firstEdge[node]; e >= 0; e = nextEdge[e]) {
        this.kind[n] = kind[e];
        this.argument[n] = argument[e];
        this.target[n] = target[e];
        n++;
      }
    }
    first[nodes] = n;
    skipEmptyNodes();
    this.start = skipped(start);
    classify();
    need = needs();
    if (need[this.start] > Limits.DEPTH) {
      throw new GrammarException(
          need[this.start] >= NEVER
              ? "no text at all matches the grammar"
              : "every text of the grammar nests deeper than %d rules".formatted(Limits.DEPTH));
    }
  }

  private void skipEmptyNodes() {
    for (int e = 0; e < target.length; e++) {
      target[e] = skipped(target[e]);
      if (kind[e] == NetworkBuilder.CALL) {
        argument[e] = skipped(argument[e]);
      }
    }
  }

  private int skipped(int node) {
    // Each step is one node further; where they go in a circle, any of them will do.
    for (int steps = 0;
        steps < first.length
            && first[node + 1] == first[node] + 1
            && kind[first[node]] == NetworkBuilder.EMPTY;
        steps++) {
      node = target[first[node]];
    }
    return node;
  }

  /// Bytes that no edge tells apart are of one class.
  private void classify() {
    var borders = new BitSet(257);
    for (int e = 0; e < kind.length; e++) {
      if (kind[e] >= 0) {
        borders.set(kind[e]);
        borders.set(argument[e] + 1);
      }
    }
    int number = 0;
    for (int b = 0; b < 256; b++) {
      if (b > 0 && borders.get(b)) {
        number++;
      }
      classes[b] = (byte) number;
    }
    classCount = number + 1;
  }

  /// The least depth for every node, from the ends backwards until nothing gets less.
  private int[] needs() {
    int nodes = first.length - 1;
    var users = usersOfNodes();
    var least = new int[nodes];
    Arrays.fill(least, NEVER);
    var queue = new ArrayDeque<Integer>();
    for (int end = ends.nextSetBit(0); end >= 0; end = ends.nextSetBit(end + 1)) {
      least[end] = 0;
      queue.add(end);
    }
    for (var node = queue.poll(); node != null; node = queue.poll()) {
      for (int i = users[node]; i < users[node + 1]; i++) {
        int user = users[nodes + 1 + i];
        int now = least(user, least);
        if (now < least[user]) {
          least[user] = now;
          queue.add(user);
        }
      }
    }
    return least;
  }

  private int least(int node, int[] least) {
    int best = least[node];
    for (int e = first[node]; e < first[node + 1]; e++) {
      int through =
          kind[e] == NetworkBuilder.CALL
              ? Math.max(least[target[e]], least[argument[e]] + (isTail(e) ? 0 : 1))
              : least[target[e]];
      best = Math.min(best, through);
    }
    return best;
  }

  /// Which nodes have an edge to a node or call it: where each node's begin, then all of them.
  private int[] usersOfNodes() {
    int nodes = first.length - 1;
    var counts = new int[nodes + 1];
    for (int e = 0; e < kind.length; e++) {
      counts[target[e]]++;
      if (kind[e] == NetworkBuilder.CALL) {
        counts[argument[e]]++;
      }
    }
    var all = new int[nodes + 1 + Arrays.stream(counts).sum()];
    int sum = 0;
    for (int node = 0; node < nodes; node++) {
      sum += counts[node];
      all[node] = sum;
    }
    all[nodes] = sum;
    for (int node = 0; node < nodes; node++) {
      for (int e = first[node]; e < first[node + 1]; e++) {
        all[nodes + 1 + --all[target[e]]] = node;
        if (kind[e] == NetworkBuilder.CALL) {
          all[nodes + 1 + --all[argument[e]]] = node;
        }
      }
    }
    return all;
  }

  int start() {
    return start;
  }

  int nodes() {
    return first.length - 1;
  }

  int firstEdge(int node) {
    return first[node];
  }

  int endOfEdges(int node) {
    return first[node + 1];
  }

  int target(int edge) {
    return target[edge];
  }

  boolean isEmpty(int edge) {
    return kind[edge] == NetworkBuilder.EMPTY;
  }

  boolean isCall(int edge) {
    return kind[edge] == NetworkBuilder.CALL;
  }

  /// Whether nothing is left to do in its own rule after a call.
  boolean isTail(int edge) {
    return ends.get(target[edge]);
  }

  boolean takes(int edge, int b) {
    return b >= kind[edge] && b <= argument[edge] && kind[edge] >= 0;
  }

  /// The first node of the rule that a call is for.
  int callee(int edge) {
    return argument[edge];
  }

  /// Whether a rule ends here.
  boolean isEnd(int node) {
    return ends.get(node);
  }

  /// How many rules must be entered, within each other, on the way from a node to its rule's end.
  int need(int node) {
    return need[node];
  }

  int classCount() {
    return classCount;
  }

  /// The class of a byte: bytes of one class lead to the same states.
  int classOf(int b) {
    return classes[b] & 0xff;
  }
}
