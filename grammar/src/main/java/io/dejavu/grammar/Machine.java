package io.dejavu.grammar;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Reads a text byte by byte and says whether it can still become one of the grammar's. States are
/// sets of readings (places in the network, each with the calls that it is within), made when they
/// are first reached and kept, so that a step that was taken before is a look into an array.
///
/// Every reading can be completed; a state without readings is the end, and what cannot be
/// completed is no state at all. For any number of threads.
@SuppressWarnings("ReferenceEquality") // equal states are one object
final class Machine {
  private static final State NOWHERE = new State(new Reading[0], false, 0);
  private static final Comparator<Reading> ORDER =
      Comparator.comparingInt(Reading::node)
          .thenComparingInt(reading -> Frame.depthOf(reading.calls()))
          .thenComparingInt(Reading::hashCode);

  private final Network network;
  private final Map<State, State> states = new HashMap<>();
  private int keptReadings;
  private final State start;

  Machine(Network network) {
    this.network = network;
    var begin = new Closure();
    begin.add(network.start(), null);
    start = begin.state();
  }

  /// Where a rule goes on after what it called, and what it was called by itself.
  private record Frame(int after, @Nullable Frame caller, int depth, int hash) {
    Frame(int after, @Nullable Frame caller) {
      this(after, caller, depthOf(caller) + 1, 31 * (31 * Frame.hashOf(caller) + after) + 17);
    }

    static int depthOf(@Nullable Frame frame) {
      return frame == null ? 0 : frame.depth;
    }

    private static int hashOf(@Nullable Frame frame) {
      return frame == null ? 1 : frame.hash;
    }

    @Override
    public boolean equals(@Nullable Object other) {
      if (!(other instanceof Frame that)) {
        return false;
      }
      var a = this;
      var b = that;
      while (a != b) {
        if (a == null || b == null || a.hash != b.hash || a.after != b.after) {
          return false;
        }
        a = a.caller;
        b = b.caller;
      }
      return true;
    }

    @Override
    public int hashCode() {
      return hash;
    }
  }

  /// One way to read a text: the node where it is, and the calls around it.
  private record Reading(int node, @Nullable Frame calls) {
    @Override
    public int hashCode() {
      return 31 * node + Frame.hashOf(calls);
    }

    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof Reading that
          && node == that.node
          && (calls == that.calls || calls != null && calls.equals(that.calls));
    }
  }

  /// Where a text has led to. A value.
  static final class State {
    private final Reading[] readings;
    private final boolean mayEnd;
    private final int hash;
    // By class of byte; null: nobody went there yet.
    private final @Nullable State[] next;
    // After a plain character, whichever; NOWHERE: that depends; null: nobody asked yet.
    private @Nullable State plain;
    // Groups of bytes that lead back here; -1: nobody asked yet.
    private volatile long circles = -1;

    private State(Reading[] readings, boolean mayEnd, int classes) {
      this.readings = readings;
      this.mayEnd = mayEnd;
      this.hash = 2 * Arrays.hashCode(readings) + (mayEnd ? 1 : 0);
      this.next = new State[classes];
    }

    /// Whether the text so far is one of the grammar's.
    boolean mayEnd() {
      return mayEnd;
    }

    /// Whether nothing can follow.
    boolean isLast() {
      return readings.length == 0;
    }

    /// In how many ways the text can be read.
    int readings() {
      return readings.length;
    }

    @Override
    public boolean equals(@Nullable Object other) {
      return this == other
          || other instanceof State that
              && hash == that.hash
              && mayEnd == that.mayEnd
              && Arrays.equals(readings, that.readings);
    }

    @Override
    public int hashCode() {
      return hash;
    }
  }

  synchronized int keptStates() {
    return states.size();
  }

  State start() {
    return start;
  }

  /// The state after one more byte, or null if no text goes on like that.
  @Nullable State after(State state, byte signed) {
    int b = signed & 0xff;
    // Reading without a lock: whatever is found there is immutable, or one and the same array.
    var next = state.next[network.classOf(b)];
    if (next == null) {
      next = step(state, b);
      state.next[network.classOf(b)] = next;
    }
    return next == NOWHERE ? null : next;
  }

  /// Whether any `count` plain characters may follow, and all lead to the same: then a token of
  /// them need not be read. Plain are those of ASCII that {@link Utf8#isPlain} names and all
  /// others.
  boolean takesPlain(State state, int count) {
    for (int i = 0; i < count; i++) {
      var next = afterPlain(state);
      if (next == NOWHERE) {
        return false;
      }
      if (next == state) {
        return true;
      }
      state = next;
    }
    return true;
  }

  /// The groups of bytes after which nothing has changed (characters of several bytes, as a whole):
  /// a token of these need not be read. See {@link Utf8#group}.
  long circles(State state) {
    long known = state.circles;
    if (known == -1) {
      known = findCircles(state);
      state.circles = known;
    }
    return known;
  }

  private long findCircles(State state) {
    long leaving = 0;
    for (int b = 0; b < 0x80; b++) {
      if (!state.equals(after(state, (byte) b))) {
        leaving |= 1L << Utf8.group(b);
      }
    }
    long circles = ~leaving & (1L << Utf8.OTHERS) - 1;
    boolean others = circles != 0;
    for (var lead : Utf8.LEADS) {
      others = others && allLead(state, lead[0], lead[1], lead[2], lead[3], lead[4], state);
    }
    return others ? circles | 1L << Utf8.OTHERS : circles;
  }

  private State afterPlain(State state) {
    var known = state.plain;
    if (known == null) {
      known = findPlain(state);
      state.plain = known;
    }
    return known;
  }

  private State findPlain(State state) {
    var common = after(state, (byte) ' ');
    if (common == null) {
      return NOWHERE;
    }
    for (int b = ' '; b < 0x80; b++) {
      if (Utf8.isPlain(b) && !common.equals(after(state, (byte) b))) {
        return NOWHERE;
      }
    }
    for (var lead : Utf8.LEADS) {
      if (!allLead(state, lead[0], lead[1], lead[2], lead[3], lead[4], common)) {
        return NOWHERE;
      }
    }
    return common;
  }

  /// Whether all bytes of a range, then `more` others of which the first is of the next range, lead
  /// to the same state.
  private boolean allLead(
      State state, int from, int to, int nextFrom, int nextTo, int more, State common) {
    State last = null;
    for (int b = from; b <= to; b++) {
      var next = after(state, (byte) b);
      if (next == null) {
        return false;
      }
      if (next != last
          && (more == 0
              ? !next.equals(common)
              : !allLead(next, nextFrom, nextTo, 0x80, 0xbf, more - 1, common))) {
        return false;
      }
      last = next;
    }
    return true;
  }

  private synchronized State step(State state, int b) {
    var closure = new Closure();
    for (var reading : state.readings) {
      int node = reading.node();
      for (int e = network.firstEdge(node); e < network.endOfEdges(node); e++) {
        if (network.takes(e, b)) {
          closure.add(network.target(e), reading.calls());
        }
      }
    }
    return closure.state();
  }

  /// Lets all states go but those that somebody holds: each, not what it led to.
  private void forget() {
    for (var state : states.keySet()) {
      Arrays.fill(state.next, null);
      state.plain = null;
    }
    states.clear();
    keptReadings = 0;
  }

  /// Collects what can be reached without a byte.
  private final class Closure {
    private final HashSet<Reading> seen = new HashSet<>();
    private final LinkedHashSet<Reading> kept = new LinkedHashSet<>();
    private final ArrayDeque<Reading> open = new ArrayDeque<>();
    private boolean mayEnd;

    void add(int node, @Nullable Frame calls) {
      visit(node, calls);
      while (!open.isEmpty() && kept.size() < Limits.READINGS) {
        leave(open.pop());
      }
      open.clear();
    }

    private void visit(int node, @Nullable Frame calls) {
      if (Frame.depthOf(calls) + network.need(node) <= Limits.DEPTH) {
        var reading = new Reading(node, calls);
        if (seen.add(reading)) {
          open.push(reading);
        }
      }
    }

    private void leave(Reading reading) {
      int node = reading.node();
      var calls = reading.calls();
      if (network.isEnd(node)) {
        if (calls == null) {
          mayEnd = true;
        } else {
          visit(calls.after(), calls.caller());
        }
      }
      for (int e = network.firstEdge(node); e < network.endOfEdges(node); e++) {
        if (network.isEmpty(e)) {
          visit(network.target(e), calls);
        } else if (!network.isCall(e)) {
          if (network.need(network.target(e)) + Frame.depthOf(calls) <= Limits.DEPTH) {
            kept.add(reading);
          }
        } else if (network.isTail(e)) {
          visit(network.callee(e), calls);
        } else if (Frame.depthOf(calls) + network.need(network.target(e)) <= Limits.DEPTH) {
          visit(network.callee(e), new Frame(network.target(e), calls));
        }
      }
    }

    State state() {
      if (kept.isEmpty() && !mayEnd) {
        return NOWHERE;
      }
      var readings = kept.toArray(Reading[]::new);
      Arrays.sort(readings, ORDER);
      var state = new State(readings, mayEnd, network.classCount());
      var known = states.get(state);
      if (known != null) {
        return known;
      }
      if (states.size() >= Limits.STATES
          || keptReadings + readings.length > Limits.STATE_READINGS) {
        forget();
      }
      states.put(state, state);
      keptReadings += readings.length;
      return state;
    }
  }
}
