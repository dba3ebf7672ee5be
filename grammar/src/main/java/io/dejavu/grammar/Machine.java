package io.dejavu.grammar;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
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

  /// Where one more byte leads.
  ///
  /// @param to null if no text goes on like that
  /// @param cost readings that were looked at for it, whoever did so first
  record Step(@Nullable State to, int cost) {}

  /// Where a text has led to. A value.
  static final class State {
    private final Reading[] readings;
    private final boolean mayEnd;
    private final int hash;
    // By class of byte; null: nobody went there yet.
    private final @Nullable Step[] next;

    private State(Reading[] readings, boolean mayEnd, int classes) {
      this.readings = readings;
      this.mayEnd = mayEnd;
      this.hash = 2 * Arrays.hashCode(readings) + (mayEnd ? 1 : 0);
      this.next = new Step[classes];
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

  /// How many classes of bytes there are, and the class of one: bytes of one class lead to the
  /// same.
  int classCount() {
    return network.classCount();
  }

  int classOf(int b) {
    return network.classOf(b & 0xff);
  }

  /// The state after one more byte, or null if no text goes on like that.
  @Nullable State after(State state, byte signed) {
    return step(state, signed).to();
  }

  /// The same with what it costs.
  Step step(State state, byte signed) {
    int b = signed & 0xff;
    // Reading without a lock: whatever is found there is immutable, and the same for all.
    var step = state.next[network.classOf(b)];
    if (step == null) {
      step = compute(state, b);
      state.next[network.classOf(b)] = step;
    }
    return step;
  }

  private synchronized Step compute(State state, int b) {
    var closure = new Closure();
    for (var reading : state.readings) {
      int node = reading.node();
      for (int e = network.firstEdge(node); e < network.endOfEdges(node); e++) {
        if (network.takes(e, b)) {
          closure.add(network.target(e), reading.calls());
        }
      }
    }
    var to = closure.state();
    return new Step(to == NOWHERE ? null : to, state.readings() + closure.seen.size);
  }

  /// Lets all states go but those that somebody holds: each, not what it led to.
  private void forget() {
    for (var state : states.keySet()) {
      Arrays.fill(state.next, null);
    }
    states.clear();
    keptReadings = 0;
  }

  /// Collects what can be reached without a byte.
  private final class Closure {
    private final Readings seen = new Readings();
    private final ArrayList<Reading> kept = new ArrayList<>();
    private final ArrayDeque<Reading> open = new ArrayDeque<>();
    private boolean mayEnd;

    void add(int node, @Nullable Frame calls) {
      visit(node, calls);
      while (!open.isEmpty() && !isEnough()) {
        leave(open.pop());
      }
      open.clear();
    }

    private boolean isEnough() {
      return kept.size() >= Limits.READINGS
          || seen.size >= Limits.VISITS && (mayEnd || !kept.isEmpty());
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
      boolean takesBytes = false;
      for (int e = network.firstEdge(node); e < network.endOfEdges(node); e++) {
        if (network.isEmpty(e)) {
          visit(network.target(e), calls);
        } else if (!network.isCall(e)) {
          takesBytes |= network.need(network.target(e)) + Frame.depthOf(calls) <= Limits.DEPTH;
        } else if (network.isTail(e)) {
          visit(network.callee(e), calls);
        } else if (Frame.depthOf(calls) + network.need(network.target(e)) <= Limits.DEPTH) {
          visit(network.callee(e), new Frame(network.target(e), calls));
        }
      }
      if (takesBytes) {
        kept.add(reading);
      }
    }

    State state() {
      if (kept.isEmpty() && !mayEnd) {
        return NOWHERE;
      }
      var readings = ordered();
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

    /// What was kept in an order that does not depend on how it was found: by node, then hash. Two
    /// readings that agree in both stay as they were found; then equal states may be two.
    private Reading[] ordered() {
      var keys = new long[kept.size()];
      for (int i = 0; i < keys.length; i++) {
        var reading = kept.get(i);
        int hash = Frame.hashOf(reading.calls());
        keys[i] = (long) reading.node() << 44 | (hash & 0xffff_ffffL) << 12 | i;
      }
      Arrays.sort(keys);
      var readings = new Reading[keys.length];
      for (int i = 0; i < keys.length; i++) {
        readings[i] = kept.get((int) keys[i] & 0xfff);
      }
      return readings;
    }
  }

  /// A set, made and thrown away for each step: open addressing, no entries to allocate.
  private static final class Readings {
    private @Nullable Reading[] slots = new Reading[64];
    private int size;

    /// @return whether it was not there
    boolean add(Reading reading) {
      if (2 * size >= slots.length) {
        var before = slots;
        slots = new Reading[2 * before.length];
        for (var old : before) {
          if (old != null) {
            slots[free(old)] = old;
          }
        }
      }
      int at = free(reading);
      if (slots[at] != null) {
        return false;
      }
      slots[at] = reading;
      size++;
      return true;
    }

    /// Where it is, or could be.
    private int free(Reading reading) {
      int at =
          reading.hashCode() * 0x9e37_79b9 >>> 32 - Integer.numberOfTrailingZeros(slots.length);
      for (var there = slots[at]; there != null && !there.equals(reading); there = slots[at]) {
        at = at + 1 & slots.length - 1;
      }
      return at;
    }
  }
}
