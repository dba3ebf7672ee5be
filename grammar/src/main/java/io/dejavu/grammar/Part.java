package io.dejavu.grammar;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A piece of a grammar: which texts it stands for. A tree, but for what [Rule] ties together.
///
/// Each knows about how many nodes it becomes, so that what is too large is refused before it is
/// built.
sealed interface Part {
  /// The text without characters.
  Part NOTHING = new Sequence(List.of(), 0);

  /// No text at all, not even the empty one.
  Part NEVER = new Choice(List.of(), 1);

  /// What a hidden rule of its own costs where it is repeated, instead of its body.
  int CALL = 2;

  /// White space between two things of JSON: more of it where more brackets are open.
  Part SPACE = new Space(CALL);

  /// About how many nodes it becomes, at most [Limits#NODES] + 1.
  int cost();

  /// One character of a set.
  record One(CodePoints points, int cost) implements Part {}

  /// Exactly this text.
  record Literal(String text, int cost) implements Part {}

  /// One after the other.
  record Sequence(List<Part> parts, int cost) implements Part {}

  /// One of them.
  record Choice(List<Part> parts, int cost) implements Part {}

  /// `part`, at least `least` times.
  ///
  /// @param most -1: no end
  record Repeat(Part part, int least, int most, int cost) implements Part {}

  /// Members of an object: each at most once and in this order, then any number of `more`; commas
  /// between them.
  record Members(List<Member> members, @Nullable Part more, Part comma, int cost) implements Part {}

  record Member(Part part, boolean required) {}

  /// Any text up to and including the first `trigger`.
  record Until(String trigger, int cost) implements Part {}

  /// Any text in which `trigger` does not occur.
  record Without(String trigger, int cost) implements Part {}

  /// White space, see [#SPACE].
  record Space(int cost) implements Part {}

  /// What stands within one more pair of brackets.
  record Nested(Part part, int cost) implements Part {}

  /// A part that is written once and meant from several places, perhaps from within itself.
  final class Rule implements Part {
    private final String name;
    private final boolean flat;
    private @Nullable Part body;

    Rule(String name) {
      this(name, false);
    }

    private Rule(String name, boolean flat) {
      this.name = name;
      this.flat = flat;
    }

    static Rule of(String name, Part body) {
      return defined(new Rule(name, false), body);
    }

    /// A rule without [#SPACE] in it, so one however many brackets are open around it.
    static Rule flat(String name, Part body) {
      return defined(new Rule(name, true), body);
    }

    private static Rule defined(Rule rule, Part body) {
      rule.define(body);
      return rule;
    }

    void define(Part definition) {
      if (body != null) {
        throw new IllegalStateException("rule " + name + " is defined twice");
      }
      body = definition;
    }

    String name() {
      return name;
    }

    boolean isFlat() {
      return flat;
    }

    Part body() {
      if (body == null) {
        throw new IllegalStateException("rule " + name + " is not defined");
      }
      return body;
    }

    @Override
    public int cost() {
      return CALL;
    }
  }

  static Part one(CodePoints points) {
    // A range of characters takes a few ranges of bytes.
    return points.isEmpty() ? NEVER : new One(points, 2 + 2 * points.bounds().length);
  }

  static Part literal(String text) {
    return text.isEmpty() ? NOTHING : new Literal(text, Utf8.length(text));
  }

  static Part sequence(Part... parts) {
    return sequence(List.of(parts));
  }

  static Part sequence(List<Part> parts) {
    return parts.size() == 1 ? parts.getFirst() : new Sequence(List.copyOf(parts), sum(parts));
  }

  static Part choice(Part... parts) {
    return choice(List.of(parts));
  }

  static Part choice(List<Part> parts) {
    return parts.size() == 1 ? parts.getFirst() : new Choice(List.copyOf(parts), 2 + sum(parts));
  }

  static Part optional(Part part) {
    return repeat(part, 0, 1);
  }

  /// @param most -1: no end
  static Part repeat(Part part, int least, int most) {
    if (least == 1 && most == 1) {
      return part;
    }
    if (most == 0) {
      return NOTHING;
    }
    int copies = Math.max(1, most < 0 ? least + 1 : most);
    // More than a few copies of more than a character are calls of one.
    long cost =
        isHoisted(part, copies) ? part.cost() + (long) copies * CALL : (long) copies * part.cost();
    return new Repeat(part, least, most, clipped(2 + copies + cost));
  }

  /// Whether so many copies of `part` become calls of a rule.
  static boolean isHoisted(Part part, int copies) {
    return copies > 2 && part.cost() > 8;
  }

  static Part members(List<Member> members, @Nullable Part more, Part comma) {
    var all = new ArrayList<Part>();
    members.forEach(member -> all.add(member.part()));
    if (more != null) {
      all.add(more);
    }
    long cost = sum(all) + (long) (all.size() + 1) * (2 + comma.cost());
    return new Members(List.copyOf(members), more, comma, clipped(cost));
  }

  static Part nested(Part part) {
    return new Nested(part, part.cost());
  }

  static Part until(String trigger) {
    return new Until(trigger, clipped(32L * trigger.length()));
  }

  static Part without(String trigger) {
    return new Without(trigger, clipped(32L * trigger.length()));
  }

  private static int sum(List<Part> parts) {
    long sum = 1;
    for (var part : parts) {
      sum += part.cost();
    }
    return clipped(sum);
  }

  private static int clipped(long cost) {
    return (int) Math.min(cost, Limits.NODES + 1);
  }
}
