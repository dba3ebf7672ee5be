package io.dejavu.grammar;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The walk through a vocabulary that makes one mask: down each token as far as the text may go on
/// with it. Made for one mask.
///
/// It takes each step once, whatever the [Machine] forgets meanwhile, and counts what it costs as
/// if nobody had taken it before. So a walk is bounded in time, and what it leaves out does not
/// depend on what was kept of other walks.
final class MaskWalk {
  private final Machine machine;
  private final TokenTrie trie;
  private final long[] mask;
  private final Place[] path;
  private final Map<Machine.State, Place> places = new HashMap<>();
  private final Place nowhere;
  private long cost;

  /// A state that the walk has come to.
  private static final class Place {
    private final Machine.@Nullable State state;
    // By class of byte; null: the walk did not go there yet.
    private final @Nullable Place[] next;
    // After a plain character, whichever; nowhere: that depends; null: not known yet.
    private @Nullable Place plain;
    // Groups of bytes that lead back here; -1: not known yet.
    private long circles = -1;

    Place(Machine.@Nullable State state, int classes) {
      this.state = state;
      this.next = new Place[classes];
    }

    /// Whether it is worth to find out where all bytes lead.
    boolean isSimple() {
      return state != null && state.readings() <= Limits.FEW_READINGS;
    }
  }

  /// @param words of the mask
  MaskWalk(Machine machine, TokenTrie trie, int words) {
    this.machine = machine;
    this.trie = trie;
    mask = new long[words];
    path = new Place[trie.longest() + 1];
    nowhere = new Place(null, 0);
  }

  /// The tokens that may follow.
  long[] of(Machine.State state) {
    path[0] = place(state);
    for (int node = 0; node < trie.nodes(); ) {
      int depth = trie.depth(node);
      cost++;
      // Single bytes are always looked at: with them, any text can be written.
      var next = depth > 0 && isTooMuch() ? nowhere : after(path[depth], trie.label(node));
      if (next == nowhere) {
        node = trie.end(node);
        continue;
      }
      path[depth + 1] = next;
      if (needsNoReading(node, next)) {
        trie.allowAll(node, mask);
        node = trie.end(node);
      } else {
        trie.allow(node, mask);
        node++;
      }
    }
    return mask;
  }

  /// Nodes and places looked at so far.
  long cost() {
    return cost;
  }

  private boolean isTooMuch() {
    return cost > Limits.MASK_COST;
  }

  private Place place(Machine.State state) {
    return places.computeIfAbsent(state, _ -> new Place(state, machine.classCount()));
  }

  private Place after(Place place, int b) {
    var state = place.state;
    if (state == null) {
      return nowhere;
    }
    int kind = machine.classOf(b);
    var next = place.next[kind];
    if (next == null) {
      var step = machine.step(state, (byte) b);
      cost += step.cost();
      next = step.to() == null ? nowhere : place(step.to());
      place.next[kind] = next;
    }
    return next;
  }

  /// Whether all below a node is allowed, by what its bytes are.
  private boolean needsNoReading(int node, Place place) {
    return place.isSimple()
        && trie.end(node) > node + 1
        && !isTooMuch()
        && ((trie.groups(node) & ~circles(place)) == 0
            || trie.plain(node) > 0 && takesPlain(place, trie.plain(node)));
  }

  /// Whether any `count` plain characters may follow, and all lead to the same: then a token of
  /// them need not be read. Plain are those of ASCII that {@link Utf8#isPlain} names and all
  /// others.
  private boolean takesPlain(Place place, int count) {
    for (int i = 0; i < count; i++) {
      var next = afterPlain(place);
      if (next == nowhere) {
        return false;
      }
      if (next == place) {
        return true;
      }
      place = next;
    }
    return true;
  }

  private Place afterPlain(Place place) {
    if (place.plain == null) {
      place.plain = place.isSimple() && !isTooMuch() ? findPlain(place) : nowhere;
    }
    return place.plain;
  }

  private Place findPlain(Place place) {
    var common = after(place, ' ');
    if (common == nowhere) {
      return nowhere;
    }
    for (int b = ' '; b < 0x80; b++) {
      if (Utf8.isPlain(b) && after(place, b) != common) {
        return nowhere;
      }
    }
    return allOthersLead(place, common) ? common : nowhere;
  }

  /// The groups of bytes after which nothing has changed (characters of several bytes, as a whole):
  /// a token of these need not be read. See {@link Utf8#group}.
  private long circles(Place place) {
    if (place.circles == -1) {
      place.circles = findCircles(place);
    }
    return place.circles;
  }

  private long findCircles(Place place) {
    long leaving = 0;
    for (int b = 0; b < 0x80; b++) {
      if (after(place, b) != place) {
        leaving |= 1L << Utf8.group(b);
      }
    }
    long circles = ~leaving & (1L << Utf8.OTHERS) - 1;
    return circles != 0 && allOthersLead(place, place) ? circles | 1L << Utf8.OTHERS : circles;
  }

  /// Whether all characters of several bytes lead to the same.
  private boolean allOthersLead(Place place, Place common) {
    for (var lead : Utf8.LEADS) {
      if (!allLead(place, lead[0], lead[1], lead[2], lead[3], lead[4], common)) {
        return false;
      }
    }
    return true;
  }

  /// Whether all bytes of a range, then `more` others of which the first is of the next range, lead
  /// to the same.
  private boolean allLead(
      Place place, int from, int to, int nextFrom, int nextTo, int more, Place common) {
    Place last = null;
    for (int b = from; b <= to; b++) {
      var next = after(place, b);
      if (next == nowhere) {
        return false;
      }
      if (next != last
          && (more == 0
              ? next != common
              : !allLead(next, nextFrom, nextTo, 0x80, 0xbf, more - 1, common))) {
        return false;
      }
      last = next;
    }
    return true;
  }
}
