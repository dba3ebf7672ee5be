package io.dejavu.grammar;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;

/// Turns the parts of a grammar into nodes and edges, rule by rule (Thompson 1968; calls between
/// rules as in the transition networks of Woods 1970).
///
/// A part is built between two nodes that others may use too: it adds nothing that leads into the
/// first or out of the second.
final class NetworkBuilder {
  /// What an edge takes: nothing, a byte of a range, or a text of a rule.
  static final int EMPTY = -1;

  static final int CALL = -2;

  private record Waiting(Part body, int level, int start, int end) {}

  /// A rule, and how many brackets are open around it: white space differs.
  private record Place(Part.Rule rule, int level) {}

  private int nodes;
  private int edges;
  private int[] firstEdge = new int[256];
  private int[] nextEdge = new int[256];
  // Per edge: EMPTY, CALL or the lowest byte; the highest byte or the rule's first node; the
  // target.
  private int[] kind = new int[256];
  private int[] argument = new int[256];
  private int[] target = new int[256];
  private final BitSet ends = new BitSet();
  private final Map<Place, Integer> starts = new HashMap<>();
  private final IdentityHashMap<Part, Part> hoisted = new IdentityHashMap<>();
  private final Queue<Waiting> waiting = new ArrayDeque<>();
  // How many brackets of JSON are open where parts are being added.
  private int level;

  /// @throws GrammarException if it is too large or stands for no text
  static Network build(Part grammar) {
    var builder = new NetworkBuilder();
    int start = builder.start(Part.Rule.of("start", grammar));
    for (var next = builder.waiting.poll(); next != null; next = builder.waiting.poll()) {
      builder.level = next.level();
      builder.add(next.body(), next.start(), next.end());
    }
    return new Network(
        start,
        builder.ends,
        Arrays.copyOf(builder.firstEdge, builder.nodes),
        Arrays.copyOf(builder.nextEdge, builder.edges),
        Arrays.copyOf(builder.kind, builder.edges),
        Arrays.copyOf(builder.argument, builder.edges),
        Arrays.copyOf(builder.target, builder.edges));
  }

  private int node() {
    if (nodes >= Limits.NODES) {
      throw new GrammarException(
          "the grammar is too large: it becomes more than %,d nodes".formatted(Limits.NODES));
    }
    if (nodes == firstEdge.length) {
      firstEdge = Arrays.copyOf(firstEdge, 2 * nodes);
    }
    firstEdge[nodes] = -1;
    return nodes++;
  }

  private void edge(int from, int what, int detail, int to) {
    if (edges == target.length) {
      nextEdge = Arrays.copyOf(nextEdge, 2 * edges);
      kind = Arrays.copyOf(kind, 2 * edges);
      argument = Arrays.copyOf(argument, 2 * edges);
      target = Arrays.copyOf(target, 2 * edges);
    }
    nextEdge[edges] = firstEdge[from];
    kind[edges] = what;
    argument[edges] = detail;
    target[edges] = to;
    firstEdge[from] = edges++;
  }

  private void empty(int from, int to) {
    edge(from, EMPTY, 0, to);
  }

  private void add(Part part, int from, int to) {
    switch (part) {
      case Part.One(var points, _) -> addOne(points, from, to);
      case Part.Literal(var text, _) -> addLiteral(Utf8.bytes(text), from, to);
      case Part.Sequence(var parts, _) -> addSequence(parts, from, to);
      case Part.Choice(var parts, _) -> addChoice(parts, from, to);
      case Part.Repeat repeat -> addRepeat(repeat, from, to);
      case Part.Members members -> addMembers(members, from, to);
      case Part.Until(var trigger, _) -> addSearch(trigger, true, from, to);
      case Part.Without(var trigger, _) -> addSearch(trigger, false, from, to);
      case Part.Space _ -> edge(from, CALL, start(JsonText.space(level)), to);
      case Part.Nested(var inner, _) -> addNested(inner, from, to);
      case Part.Rule rule -> edge(from, CALL, start(rule), to);
    }
  }

  private void addNested(Part part, int from, int to) {
    int around = level;
    level = Math.min(around + 1, JsonText.LEVELS);
    add(part, from, to);
    level = around;
  }

  /// The first node of a rule, which is built later if this is the first that is heard of it.
  private int start(Part.Rule rule) {
    var place = new Place(rule, rule.isFlat() ? 0 : level);
    var known = starts.get(place);
    if (known != null) {
      return known;
    }
    int start = node();
    int end = node();
    starts.put(place, start);
    ends.set(end);
    waiting.add(new Waiting(rule.body(), place.level(), start, end));
    return start;
  }

  private void addOne(CodePoints points, int from, int to) {
    var tails = new HashMap<Integer, Map<Long, Integer>>();
    Utf8.spell(
        points,
        (low, high) -> {
          // From the last byte to the first, so that equal ends are shared.
          int next = to;
          for (int i = low.length - 1; i > 0; i--) {
            int lowest = low[i] & 0xff;
            int highest = high[i] & 0xff;
            int after = next;
            next =
                tails
                    .computeIfAbsent(after, _ -> new HashMap<>())
                    .computeIfAbsent(
                        (long) lowest << 8 | highest,
                        _ -> {
                          int tail = node();
                          edge(tail, lowest, highest, after);
                          return tail;
                        });
          }
          edge(from, low[0] & 0xff, high[0] & 0xff, next);
        });
  }

  private void addLiteral(byte[] bytes, int from, int to) {
    for (int i = 0; i < bytes.length; i++) {
      int next = i == bytes.length - 1 ? to : node();
      edge(from, bytes[i] & 0xff, bytes[i] & 0xff, next);
      from = next;
    }
  }

  private void addSequence(List<Part> parts, int from, int to) {
    if (parts.isEmpty()) {
      empty(from, to);
    }
    for (int i = 0; i < parts.size(); i++) {
      int next = i == parts.size() - 1 ? to : node();
      add(parts.get(i), from, next);
      from = next;
    }
  }

  /// Literals share their beginnings, so that many of them are one way to read a text, not many.
  private void addChoice(List<Part> parts, int from, int to) {
    var children = new HashMap<Long, Integer>();
    for (var part : parts) {
      if (part instanceof Part.Literal(var text, _)) {
        int at = from;
        for (byte b : Utf8.bytes(text)) {
          int parent = at;
          at =
              children.computeIfAbsent(
                  (long) parent << 8 | b & 0xff,
                  _ -> {
                    int child = node();
                    edge(parent, b & 0xff, b & 0xff, child);
                    return child;
                  });
        }
        empty(at, to);
      } else {
        add(part, from, to);
      }
    }
  }

  private void addRepeat(Part.Repeat repeat, int from, int to) {
    int copies = Math.max(1, repeat.most() < 0 ? repeat.least() + 1 : repeat.most());
    var part = repeat.part();
    if (!(part instanceof Part.Rule) && Part.isHoisted(part, copies)) {
      part = hoisted.computeIfAbsent(part, body -> Part.Rule.of("repeated", body));
    }
    for (int i = 0; i < repeat.least(); i++) {
      int next = node();
      add(part, from, next);
      from = next;
    }
    if (repeat.most() < 0) {
      int loop = node();
      int back = node();
      empty(from, loop);
      add(part, loop, back);
      empty(back, loop);
      empty(loop, to);
      return;
    }
    for (int i = repeat.least(); i < repeat.most(); i++) {
      empty(from, to);
      int next = node();
      add(part, from, next);
      from = next;
    }
    empty(from, to);
  }

  private void addMembers(Part.Members members, int from, int to) {
    // Between members: `none` before the first that is there, `some` after one.
    int none = node();
    int some = node();
    empty(from, none);
    for (var member : members.members()) {
      int begin = node();
      int nextNone = node();
      int nextSome = node();
      empty(none, begin);
      add(members.comma(), some, begin);
      add(member.part(), begin, nextSome);
      if (!member.required()) {
        empty(none, nextNone);
        empty(some, nextSome);
      }
      none = nextNone;
      some = nextSome;
    }
    if (members.more() != null) {
      int begin = node();
      int end = node();
      empty(none, begin);
      add(members.comma(), some, begin);
      add(members.more(), begin, end);
      empty(end, some);
    }
    empty(none, to);
    empty(some, to);
  }

  /// Looks for `trigger` (Knuth, Morris, Pratt 1977): node `k` has just read its first `k`
  /// characters.
  private void addSearch(String trigger, boolean found, int from, int to) {
    var wanted = trigger.codePoints().toArray();
    var states = new int[wanted.length + 1];
    for (int k = 0; k < wanted.length; k++) {
      states[k] = node();
      if (!found) {
        empty(states[k], to);
      }
    }
    states[wanted.length] = to;
    empty(from, states[0]);
    var seen = Arrays.stream(wanted).distinct().toArray();
    var others = CodePoints.of(trigger).not();
    for (int k = 0; k < wanted.length; k++) {
      for (int c : seen) {
        int next = overlap(wanted, k, c);
        if (next < wanted.length || found) {
          addOne(CodePoints.of(c), states[k], states[next]);
        }
      }
      addOne(others, states[k], states[0]);
    }
  }

  /// The length of the longest beginning of `wanted` that ends its first `k` characters and `c`.
  private static int overlap(int[] wanted, int k, int c) {
    for (int length = k + 1; length > 0; length--) {
      if (wanted[length - 1] == c
          && Arrays.equals(wanted, 0, length - 1, wanted, k - length + 1, k)) {
        return length;
      }
    }
    return 0;
  }
}
