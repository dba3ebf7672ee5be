package io.dejavu.grammar;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// How JSON is written, RFC 8259, with bounds where a model might never come to an end: white space
/// (a blank, or a line break and an indentation), digits of a number.
final class JsonText {
  /// Characters that stand for themselves in a string.
  static final CodePoints PLAIN = CodePoints.range(0x20, 0x10ffff).minus(CodePoints.of("\"\\"));

  static final int INTEGER_DIGITS = 18;
  static final int FRACTION_DIGITS = 18;

  /// Open brackets up to which an indentation grows.
  static final int LEVELS = 7;

  /// Blanks of an indentation, for each level.
  private static final int BLANKS = 4;

  private static final List<Part.Rule> SPACES =
      IntStream.rangeClosed(0, LEVELS).mapToObj(JsonText::spaceAt).toList();

  private static final CodePoints HEX =
      CodePoints.range('0', '9').or(CodePoints.range('a', 'f')).or(CodePoints.range('A', 'F'));
  static final CodePoints DIGITS = CodePoints.range('0', '9');

  static final Part COMMA = Part.sequence(Part.literal(","), Part.SPACE);

  static final Part COLON =
      Part.sequence(
          Part.optional(Part.literal(" ")), Part.literal(":"), Part.optional(Part.literal(" ")));

  /// One character of a string, in any way to write it.
  static final Part CHARACTER = Part.Rule.flat("character", Part.choice(Part.one(PLAIN), escape()));

  static final Part STRING =
      Part.Rule.flat("string", quoted(Part.repeat(Part.choice(Part.one(PLAIN), escape()), 0, -1)));

  static final Part INTEGER = Part.Rule.flat("integer", Regex.parse("0|-?[1-9][0-9]{0,17}"));

  static final Part NUMBER =
      Part.Rule.flat(
          "number", Regex.parse("-?(0|[1-9][0-9]{0,17})(\\.[0-9]{1,18})?([eE][+-]?[0-9]{1,2})?"));

  static final Part BOOLEAN = Part.choice(Part.literal("true"), Part.literal("false"));

  static final Part NULL = Part.literal("null");

  static final Part VALUE;
  static final Part OBJECT;

  static {
    var value = new Part.Rule("value");
    var member = Part.sequence(STRING, COLON, value);
    OBJECT = Part.Rule.of("object", object(List.of(), member));
    value.define(
        Part.choice(
            STRING,
            NUMBER,
            BOOLEAN,
            NULL,
            object(List.of(), member),
            array(
                Part.optional(
                    Part.sequence(value, Part.repeat(Part.sequence(COMMA, value), 0, -1))))));
    VALUE = value;
  }

  // Numbers as they are written: 1.10 stays 1.10, and 1e400 is a number.
  private static final JsonMapper MAPPER =
      JsonMapper.builder()
          .enable(tools.jackson.databind.DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .enable(tools.jackson.databind.DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private JsonText() {}

  static JsonNode read(String json) {
    try {
      return MAPPER.readTree(json);
    } catch (JacksonException e) {
      throw new GrammarException("#", "not valid JSON: " + e.getOriginalMessage());
    }
  }

  /// An object of these members, and any number of `more`.
  static Part object(List<Part.Member> members, @Nullable Part more) {
    return brackets("{", Part.members(members, more, COMMA), "}");
  }

  static Part array(Part elements) {
    return brackets("[", elements, "]");
  }

  static Part brackets(String open, Part content, String close) {
    return Part.sequence(
        Part.literal(open),
        Part.nested(Part.sequence(Part.SPACE, content)),
        Part.SPACE,
        Part.literal(close));
  }

  /// White space between two things where `level` brackets are open, at most [#LEVELS]: nothing, a
  /// blank, or a line break and an indentation, as people and models print JSON. There is room for
  /// one level more than there are brackets: the text may stand within other JSON.
  static Part.Rule space(int level) {
    return SPACES.get(level);
  }

  private static Part.Rule spaceAt(int level) {
    var indentation =
        Part.choice(
            Part.repeat(Part.literal(" "), 0, BLANKS * (level + 1)),
            Part.repeat(Part.literal("\t"), 1, level + 1));
    return Part.Rule.flat(
        "space",
        Part.optional(
            Part.choice(Part.literal(" "), Part.sequence(Part.literal("\n"), indentation))));
  }

  static Part quoted(Part characters) {
    return Part.sequence(Part.literal("\""), characters, Part.literal("\""));
  }

  private static Part escape() {
    var hex = Part.one(HEX);
    var one =
        Part.choice(
            Part.sequence(Part.one(HEX.minus(CodePoints.of("dD"))), hex, hex, hex),
            Part.sequence(
                Part.one(CodePoints.of("dD")), Part.one(CodePoints.range('0', '7')), hex, hex));
    var pair =
        Part.sequence(
            Part.one(CodePoints.of("dD")),
            Part.one(CodePoints.of("89abAB")),
            hex,
            hex,
            Part.literal("\\u"),
            Part.one(CodePoints.of("dD")),
            Part.one(CodePoints.of("cdefCDEF")),
            hex,
            hex);
    return Part.sequence(
        Part.literal("\\"),
        Part.choice(
            Part.one(CodePoints.of("\"\\/bfnrt")),
            Part.sequence(Part.literal("u"), Part.choice(one, pair))));
  }

  /// A character of a set within a string: as itself, or the shortest way to escape it.
  static Part character(CodePoints points) {
    var ways = new ArrayList<Part>();
    ways.add(Part.one(points.and(PLAIN)));
    for (int c = 0; c <= '\\'; c++) {
      if (points.contains(c) && !PLAIN.contains(c)) {
        ways.add(Part.literal(escaped(c)));
      }
    }
    return Part.choice(ways);
  }

  /// A text as a string.
  static String string(String text) {
    var json = new StringBuilder("\"");
    text.codePoints()
        .forEach(
            c -> {
              if (Character.getType(c) == Character.SURROGATE) {
                throw new GrammarException("half of a surrogate pair in \"" + text + '"');
              }
              if (PLAIN.contains(c)) {
                json.appendCodePoint(c);
              } else {
                json.append(escaped(c));
              }
            });
    return json.append('"').toString();
  }

  private static String escaped(int c) {
    int at = "\"\\\b\f\n\r\t".indexOf(c);
    return at >= 0 ? "\\" + "\"\\bfnrt".charAt(at) : "\\u%04x".formatted(c);
  }

  /// A string, written without escapes, that is none of `names`.
  static Part stringOtherThan(List<String> names) {
    var root = new Names();
    for (var name : names) {
      var at = root;
      for (int c : name.codePoints().toArray()) {
        at = at.next.computeIfAbsent(c, _ -> new Names());
      }
      at.taken = true;
    }
    return quoted(root.others());
  }

  /// The beginnings of names, as a tree.
  private static final class Names {
    private static final Part ANY = Part.Rule.flat("plain", Part.repeat(Part.one(PLAIN), 0, -1));

    private final TreeMap<Integer, Names> next = new TreeMap<>();
    private boolean taken;

    private Part others() {
      var ways = new ArrayList<Part>();
      var rest = PLAIN;
      for (var entry : next.entrySet()) {
        var c = CodePoints.of(entry.getKey()).and(PLAIN);
        rest = rest.minus(c);
        ways.add(Part.sequence(Part.one(c), entry.getValue().others()));
      }
      ways.add(Part.sequence(Part.one(rest), ANY));
      if (!taken) {
        ways.add(Part.NOTHING);
      }
      return Part.choice(ways);
    }
  }
}
