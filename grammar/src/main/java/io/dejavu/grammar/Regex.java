package io.dejavu.grammar;

import java.util.ArrayList;
import java.util.function.Function;

/// Reads a regular expression: literals, `.`, classes, `\d \w \s` and their opposites, groups,
/// alternatives, quantifiers (`* + ? {m} {m,} {m,n}`, lazy ones too: they mean the same texts), and
/// `^ $` at the ends. As in ECMAScript without flags, but `\d \w \s` are ASCII.
///
/// What cannot be decided from left to right is refused: references, lookaround, word boundaries.
final class Regex {
  private static final CodePoints DIGIT = CodePoints.range('0', '9');
  private static final CodePoints WORD =
      DIGIT.or(CodePoints.range('a', 'z')).or(CodePoints.range('A', 'Z')).or(CodePoints.of('_'));
  private static final CodePoints SPACE = CodePoints.of(" \t\n\r\f\u000b");
  private static final CodePoints DOT = CodePoints.of("\n\r\u2028\u2029").not();

  private final String source;
  private final boolean search;
  private final Function<CodePoints, Part> one;
  private int at;
  private int depth;

  private Regex(String source, boolean search, Function<CodePoints, Part> one) {
    this.source = source;
    this.search = search;
    this.one = one;
  }

  /// The texts that match from beginning to end.
  static Part parse(String source) {
    return parse(source, false, Part::one);
  }

  /// @param search whether a text matches if any part of it does, where no `^` or `$` forbids it
  /// @param one how a character is written
  static Part parse(String source, boolean search, Function<CodePoints, Part> one) {
    var regex = new Regex(source, search, one);
    var part = regex.alternatives();
    if (regex.at < source.length()) {
      throw regex.wrong("unmatched )");
    }
    return part;
  }

  private Part alternatives() {
    if (++depth > Limits.NESTING) {
      throw wrong("more than %d groups within each other".formatted(Limits.NESTING));
    }
    var all = new ArrayList<Part>();
    do {
      all.add(alternative());
    } while (skip('|'));
    depth--;
    return Part.choice(all);
  }

  private Part alternative() {
    boolean outermost = depth == 1;
    var parts = new ArrayList<Part>();
    boolean start = false;
    while (outermost && skip('^')) {
      start = true;
    }
    if (outermost && search && !start) {
      parts.add(anything());
    }
    boolean end = false;
    while (at < source.length() && peek() != '|' && peek() != ')') {
      if (outermost && skip('$')) {
        end = true;
      } else if (end) {
        throw wrong("$ is supported at the end only");
      } else {
        parts.add(quantified());
      }
    }
    if (outermost && search && !end) {
      parts.add(anything());
    }
    return Part.sequence(parts);
  }

  private Part anything() {
    return Part.repeat(one.apply(CodePoints.ALL), 0, -1);
  }

  private Part quantified() {
    var part = atom();
    while (at < source.length()) {
      int from = at;
      int least;
      int most;
      if (skip('*')) {
        least = 0;
        most = -1;
      } else if (skip('+')) {
        least = 1;
        most = -1;
      } else if (skip('?')) {
        least = 0;
        most = 1;
      } else if (peek() == '{' && isCount()) {
        at++;
        least = number();
        most = skip(',') ? (peek() == '}' ? -1 : number()) : least;
        expect('}');
        if (most >= 0 && most < least) {
          throw wrong("{%d,%d} is no range".formatted(least, most));
        }
      } else {
        return part;
      }
      skip('?'); // lazy: finds other matches in a longer text, but matches the same texts
      if (at < source.length() && ("+*?".indexOf(peek()) >= 0 || peek() == '{' && isCount())) {
        throw wrong("a quantifier of a quantifier");
      }
      part = Part.repeat(part, least, most);
      if (part.cost() > Limits.NODES) {
        throw wrong(
            "%s repeats too much: more than %,d nodes"
                .formatted(source.substring(from, at), Limits.NODES));
      }
    }
    return part;
  }

  /// Whether a quantifier stands here; else the brace means itself.
  private boolean isCount() {
    int i = at + 1;
    while (i < source.length() && (isDigit(source.charAt(i)) || source.charAt(i) == ',')) {
      i++;
    }
    return i > at + 1 && i < source.length() && source.charAt(i) == '}' && isDigit(peek(1));
  }

  private int number() {
    int from = at;
    while (at < source.length() && isDigit(peek())) {
      at++;
    }
    var digits = source.substring(from, at);
    if (digits.isEmpty() || digits.length() > 9 || Integer.parseInt(digits) > Limits.REPEATS) {
      throw wrong("repeats {%s}, at most %,d are supported".formatted(digits, Limits.REPEATS));
    }
    return Integer.parseInt(digits);
  }

  private Part atom() {
    int c = next();
    return switch (c) {
      case '(' -> group();
      case '[' -> one.apply(characterClass());
      case '.' -> one.apply(DOT);
      case '\\' -> one.apply(escape(false));
      case '^', '$' ->
          throw wrong("%c is supported at the ends of the expression only".formatted(c));
      case '*', '+', '?' -> throw wrong("nothing to repeat before %c".formatted(c));
      default -> one.apply(CodePoints.of(c));
    };
  }

  private Part group() {
    if (skip('?')) {
      if (skip('P') || peek() == '<') {
        expect('<');
        if (peek() == '=' || peek() == '!') {
          throw wrong("lookbehind is not supported");
        }
        while (next() != '>') {}
      } else if (!skip(':')) {
        throw wrong("lookahead and flags are not supported: only (?: and (?<name>");
      }
    }
    var part = alternatives();
    expect(')');
    return part;
  }

  private CodePoints characterClass() {
    boolean negated = skip('^');
    var set = CodePoints.NONE;
    if (peek() == ']') {
      throw wrong("an empty class; ] itself is written \\\\]");
    }
    while (peek() != ']') {
      int from = at;
      var low = classAtom();
      if (peek() == '-' && peek(1) != ']') {
        at++;
        var high = classAtom();
        if (!isSingle(low) || !isSingle(high) || low.bounds()[0] > high.bounds()[0]) {
          throw wrong("[%s] is no range".formatted(source.substring(from, at)));
        }
        low = CodePoints.range(low.bounds()[0], high.bounds()[0]);
      }
      set = set.or(low);
    }
    expect(']');
    return negated ? set.not() : set;
  }

  private CodePoints classAtom() {
    int c = next();
    if (c == '[' && (peek() == ':' || peek() == '.' || peek() == '=')) {
      throw wrong("POSIX classes are not supported");
    }
    return c == '\\' ? escape(true) : CodePoints.of(c);
  }

  private static boolean isSingle(CodePoints set) {
    return set.bounds().length == 2 && set.bounds()[0] == set.bounds()[1];
  }

  private CodePoints escape(boolean inClass) {
    int c = next();
    return switch (c) {
      case 'd' -> DIGIT;
      case 'D' -> DIGIT.not();
      case 'w' -> WORD;
      case 'W' -> WORD.not();
      case 's' -> SPACE;
      case 'S' -> SPACE.not();
      case 't' -> CodePoints.of('\t');
      case 'n' -> CodePoints.of('\n');
      case 'r' -> CodePoints.of('\r');
      case 'f' -> CodePoints.of('\f');
      case 'v' -> CodePoints.of(0x0b);
      case '0' -> CodePoints.of(0);
      case 'x' -> CodePoints.of(hex(2));
      case 'u' -> CodePoints.of(unicode());
      case 'b' -> {
        if (!inClass) {
          throw wrong("word boundaries are not supported");
        }
        yield CodePoints.of('\b');
      }
      default -> {
        if (c < 0x80 && Character.isLetterOrDigit(c)) {
          throw wrong("\\%c is not supported".formatted(c));
        }
        yield CodePoints.of(c);
      }
    };
  }

  private int unicode() {
    if (!skip('{')) {
      int unit = hex(4);
      if (Character.isHighSurrogate((char) unit) && source.startsWith("\\u", at)) {
        at += 2;
        int low = hex(4);
        if (Character.isLowSurrogate((char) low)) {
          return Character.toCodePoint((char) unit, (char) low);
        }
        unit = low;
      }
      return character(unit);
    }
    int end = source.indexOf('}', at);
    if (end < at + 1 || end > at + 6) {
      throw wrong("\\u{ needs 1 to 6 digits and }");
    }
    int point = hex(end - at);
    expect('}');
    return character(point);
  }

  private int character(int point) {
    if (!CodePoints.ALL.contains(point)) {
      throw wrong("U+%04X is not a character".formatted(point));
    }
    return point;
  }

  private int hex(int digits) {
    int value = 0;
    for (int i = 0; i < digits; i++) {
      int digit = Character.digit(next(), 16);
      if (digit < 0) {
        throw wrong("expected %d hexadecimal digits".formatted(digits));
      }
      value = value << 4 | digit;
    }
    return value;
  }

  private static boolean isDigit(int c) {
    return c >= '0' && c <= '9';
  }

  private int next() {
    if (at >= source.length()) {
      throw wrong("ends too early");
    }
    int c = source.codePointAt(at);
    at += Character.charCount(c);
    return character(c);
  }

  private int peek() {
    return peek(0);
  }

  /// -1 beyond the end.
  private int peek(int ahead) {
    return at + ahead < source.length() ? source.charAt(at + ahead) : -1;
  }

  private boolean skip(char c) {
    if (peek() == c) {
      at++;
      return true;
    }
    return false;
  }

  private void expect(char c) {
    if (!skip(c)) {
      throw wrong("expected " + c);
    }
  }

  private GrammarException wrong(String reason) {
    var shown = source.length() <= 80 ? source : source.substring(0, 80) + "…";
    return new GrammarException(
        "regular expression \"%s\", at %d".formatted(shown, Math.min(at, source.length())), reason);
  }
}
