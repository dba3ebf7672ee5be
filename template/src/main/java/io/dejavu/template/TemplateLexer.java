package io.dejavu.template;

import io.dejavu.template.TemplateToken.Kind;
import java.math.BigInteger;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/// Cuts a template into tokens, with the white space rules of `trim_blocks` and `lstrip_blocks`: a
/// newline right after a block or comment goes, and so does white space between the start of a line
/// and a block or comment; `-` strips more, `+` nothing.
final class TemplateLexer {
  private static final List<String> OPERATORS =
      List.of(
          "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{",
          "}", ">", "<", "=", ".", ":", "|", ",", ";");

  private final String name;
  private final String source;
  private final List<TemplateToken> tokens = new ArrayList<>();
  private int at;
  private int line = 1;
  private boolean lineStarts = true; // the last tag ended with its line

  private TemplateLexer(String source, String name) {
    this.name = name;
    String lines = source.replace("\r\n", "\n").replace('\r', '\n');
    this.source = lines.endsWith("\n") ? lines.substring(0, lines.length() - 1) : lines;
  }

  static List<TemplateToken> tokens(String source, String name) {
    var lexer = new TemplateLexer(source, name);
    lexer.run();
    return lexer.tokens;
  }

  private void run() {
    while (at < source.length()) {
      int tag = nextTag();
      if (tag < 0) {
        data(source.substring(at));
        at = source.length();
        break;
      }
      char kind = source.charAt(tag + 1);
      int sign = sign(tag + 2);
      String text = source.substring(at, tag);
      data(kept(text, sign, kind != '{'));
      advanceTo(tag + 2 + (sign == 0 ? 0 : 1));
      switch (kind) {
        case '#' -> comment();
        case '{' -> expression(true);
        default -> {
          if (!raw()) {
            expression(false);
          }
        }
      }
      lineStarts = source.charAt(at - 1) == '\n';
    }
    add(Kind.END, "", None.NONE);
  }

  private int nextTag() {
    for (int i = source.indexOf('{', at); i >= 0; i = source.indexOf('{', i + 1)) {
      if (i + 1 < source.length() && "%{#".indexOf(source.charAt(i + 1)) >= 0) {
        return i;
      }
    }
    return -1;
  }

  private int sign(int position) {
    char c = position < source.length() ? source.charAt(position) : 0;
    return c == '-' || c == '+' ? c : 0;
  }

  /// What is left of the text in front of a tag.
  private String kept(String text, int sign, boolean stripsLine) {
    if (sign == '-') {
      return CodePoints.stripEnd(text);
    }
    if (sign == '+' || !stripsLine) {
      return text;
    }
    int lineStart = text.lastIndexOf('\n') + 1;
    if (lineStart == 0 && !lineStarts) {
      return text;
    }
    for (int i = lineStart; i < text.length(); i++) {
      if (!CodePoints.isSpace(text.charAt(i))) {
        return text;
      }
    }
    return text.substring(0, lineStart);
  }

  /// Moves on, counting lines.
  private void advanceTo(int position) {
    for (int i = at; i < position; i++) {
      if (source.charAt(i) == '\n') {
        line++;
      }
    }
    at = position;
  }

  private void skipSpace() {
    int i = at;
    while (i < source.length() && CodePoints.isSpace(source.charAt(i))) {
      i++;
    }
    advanceTo(i);
  }

  private void add(Kind kind, String text, Object value) {
    tokens.add(new TemplateToken(kind, text, value, line));
  }

  private void data(String text) {
    if (!text.isEmpty()) {
      add(Kind.DATA, text, None.NONE);
    }
  }

  private void comment() {
    int end = source.indexOf("#}", at);
    if (end < 0) {
      if (at == source.length()) {
        return; // nothing is missing where nothing follows
      }
      throw error("Missing end of comment tag");
    }
    int sign = end > at ? sign(end - 1) : 0;
    advanceTo(end + 2);
    afterTag(sign, true);
  }

  /// White space after a tag that ended with `sign`.
  private void afterTag(int sign, boolean trims) {
    if (sign == '-') {
      skipSpace();
    } else if (sign == 0 && trims && at < source.length() && source.charAt(at) == '\n') {
      advanceTo(at + 1);
    }
  }

  /// Reads `{% raw %} … {% endraw %}`, if that is what starts here.
  private boolean raw() {
    int afterWord = word("raw", at);
    if (afterWord < 0) {
      return false;
    }
    boolean dash = source.startsWith("-%}", afterWord);
    if (!dash && !source.startsWith("%}", afterWord)) {
      return false;
    }
    int begun = line;
    advanceTo(afterWord + (dash ? 3 : 2));
    afterTag(dash ? '-' : 0, false);
    lineStarts = source.charAt(at - 1) == '\n';
    for (int tag = source.indexOf("{%", at); tag >= 0; tag = source.indexOf("{%", tag + 2)) {
      int sign = sign(tag + 2);
      int end = word("endraw", tag + (sign == 0 ? 2 : 3));
      int endSign = end < 0 ? 0 : sign(end);
      if (end >= 0 && source.startsWith("%}", end + (endSign == 0 ? 0 : 1))) {
        data(kept(source.substring(at, tag), sign, true));
        advanceTo(end + (endSign == 0 ? 2 : 3));
        afterTag(endSign, true);
        return true;
      }
    }
    if (at == source.length()) {
      return true;
    }
    line = begun;
    throw error("Missing end of raw directive");
  }

  /// Where the word and white space around it end, or -1 if something else is there.
  private int word(String word, int from) {
    int i = from;
    while (i < source.length() && CodePoints.isSpace(source.charAt(i))) {
      i++;
    }
    if (!source.startsWith(word, i)) {
      return -1;
    }
    i += word.length();
    while (i < source.length() && CodePoints.isSpace(source.charAt(i))) {
      i++;
    }
    return i;
  }

  private void expression(boolean variable) {
    add(variable ? Kind.VARIABLE_BEGIN : Kind.BLOCK_BEGIN, "", None.NONE);
    var open = new ArrayDeque<Character>();
    while (true) {
      skipSpace();
      if (at >= source.length()) {
        return; // the parser complains about the end of the template
      }
      if (open.isEmpty() && ends(variable)) {
        return;
      }
      char c = source.charAt(at);
      if (c >= '0' && c <= '9') {
        number();
      } else if (c == '\'' || c == '"') {
        string(c);
      } else if (isNamePart(source.codePointAt(at))) {
        word();
      } else {
        operator(open);
      }
    }
  }

  private boolean ends(boolean variable) {
    String end = variable ? "}}" : "%}";
    int sign = sign(at);
    if (sign == '+' && variable || !source.startsWith(end, at + (sign == 0 ? 0 : 1))) {
      return false;
    }
    add(variable ? Kind.VARIABLE_END : Kind.BLOCK_END, "", None.NONE);
    advanceTo(at + (sign == 0 ? 2 : 3));
    afterTag(sign, !variable);
    return true;
  }

  private static boolean isNamePart(int c) {
    return c == '_' || Character.isLetterOrDigit(c);
  }

  private void word() {
    int end = at;
    while (end < source.length() && isNamePart(source.codePointAt(end))) {
      end += Character.charCount(source.codePointAt(end));
    }
    String word = source.substring(at, end);
    if (!Character.isUnicodeIdentifierStart(word.codePointAt(0)) && word.charAt(0) != '_') {
      throw error("Invalid character in identifier");
    }
    add(Kind.NAME, word, None.NONE);
    at = end;
  }

  private void operator(ArrayDeque<Character> open) {
    for (String operator : OPERATORS) {
      if (source.startsWith(operator, at)) {
        char c = operator.charAt(0);
        switch (c) {
          case '(' -> open.push(')');
          case '[' -> open.push(']');
          case '{' -> open.push('}');
          case ')', ']', '}' -> {
            if (open.isEmpty()) {
              throw error("unexpected '" + c + "'");
            }
            char expected = open.pop();
            if (expected != c) {
              throw error("unexpected '" + c + "', expected '" + expected + "'");
            }
          }
          default -> {}
        }
        add(Kind.OPERATOR, operator, None.NONE);
        at += operator.length();
        return;
      }
    }
    throw unexpected();
  }

  private void number() {
    int whole = digits(at);
    int end = whole;
    boolean real = false;
    // After a dot digits are an index, as in `items.0.1`.
    if (at == 0 || source.charAt(at - 1) != '.') {
      if (end + 1 < source.length() && source.charAt(end) == '.' && isDigit(end + 1)) {
        end = digits(end + 1);
        real = true;
      }
      int exponent = end < source.length() && (source.charAt(end) | 32) == 'e' ? end + 1 : -1;
      if (exponent > 0 && sign(exponent) != 0) {
        exponent++;
      }
      if (exponent > 0 && isDigit(exponent)) {
        end = digits(exponent);
        real = true;
      }
    }
    if (real) {
      String text = source.substring(at, end);
      add(Kind.FLOAT, text, Double.parseDouble(text.replace("_", "")));
      at = end;
      return;
    }
    integer(whole);
  }

  private void integer(int whole) {
    int radix = 10;
    int end = whole;
    if (source.charAt(at) == '0') {
      radix =
          switch (at + 1 < source.length() ? source.charAt(at + 1) | 32 : 0) {
            case 'x' -> 16;
            case 'o' -> 8;
            case 'b' -> 2;
            default -> 10;
          };
      int from = radix == 10 ? at + 1 : at + 2;
      int last = prefixed(from, radix == 10 ? 1 : radix);
      if (radix != 10 && last == from) {
        radix = 10; // a zero, then a name
        last = at + 1;
      }
      end = last;
    }
    String text = source.substring(at, end);
    String digits = text.replace("_", "").substring(radix == 10 ? 0 : 2);
    if (digits.length() > 4300) {
      throw error("Exceeds the limit (4300 digits) for integer string conversion");
    }
    add(Kind.INTEGER, text, Numbers.integer(new BigInteger(digits, radix)));
    at = end;
  }

  /// End of digits with single underscores in front of them; radix 1 has the zero only.
  private int prefixed(int from, int radix) {
    int i = from;
    while (i < source.length()) {
      int digit = source.charAt(i) == '_' ? i + 1 : i;
      if (digit >= source.length() || !isDigitOf(source.charAt(digit), radix)) {
        break;
      }
      i = digit + 1;
    }
    return i;
  }

  private static boolean isDigitOf(char c, int radix) {
    return radix == 1 ? c == '0' : c < 0x80 && Character.digit(c, radix) >= 0;
  }

  private boolean isDigit(int position) {
    return position < source.length()
        && source.charAt(position) >= '0'
        && source.charAt(position) <= '9';
  }

  private int digits(int from) {
    int i = from;
    while (isDigit(i)
        || i > from && i < source.length() && source.charAt(i) == '_' && isDigit(i + 1)) {
      i++;
    }
    return i;
  }

  private void string(char quote) {
    var text = new StringBuilder();
    int i = at + 1;
    while (true) {
      if (i >= source.length()) {
        throw unexpected();
      }
      char c = source.charAt(i);
      if (c == quote) {
        break;
      }
      i = c == '\\' ? escape(i, text) : i + 1;
      if (c != '\\') {
        text.append(c);
      }
    }
    add(Kind.STRING, text.toString(), None.NONE);
    advanceTo(i + 1);
  }

  /// Appends what the escape stands for, and returns where it ends.
  private int escape(int from, StringBuilder text) {
    if (from + 1 >= source.length()) {
      throw unexpected();
    }
    char c = source.charAt(from + 1);
    int plain = "\\'\"abfnrtv\n".indexOf(c);
    if (plain >= 0) {
      if (c != '\n') {
        text.append("\\'\"\u0007\b\f\n\r\t\u000b".charAt(plain));
      }
      return from + 2;
    }
    int digits =
        switch (c) {
          case 'x' -> 2;
          case 'u' -> 4;
          case 'U' -> 8;
          default -> 0;
        };
    if (digits > 0) {
      return hexadecimal(from, digits, text);
    }
    if (c >= '0' && c <= '7') {
      int end = from + 1;
      int code = 0;
      while (end < source.length() && end < from + 4 && isDigitOf(source.charAt(end), 8)) {
        code = code * 8 + source.charAt(end++) - '0';
      }
      text.appendCodePoint(code);
      return end;
    }
    if (c == 'N') {
      throw error("names of characters are not known here, write \\u and the number");
    }
    text.append('\\').append(c);
    return from + 2;
  }

  private int hexadecimal(int from, int digits, StringBuilder text) {
    int end = from + 2;
    int code = 0;
    while (end < source.length() && end < from + 2 + digits && isDigitOf(source.charAt(end), 16)) {
      code = code * 16 + Character.digit(source.charAt(end++), 16);
    }
    if (end < from + 2 + digits || !Character.isValidCodePoint(code)) {
      throw error("truncated \\" + source.charAt(from + 1) + " escape");
    }
    text.appendCodePoint(code);
    return end;
  }

  private TemplateException unexpected() {
    return error(
        "unexpected char %s at %d"
            .formatted(Text.repr(Character.toString(source.codePointAt(at))), at));
  }

  private TemplateException error(String reason) {
    return new TemplateException(name, line, "TemplateSyntaxError", reason);
  }
}
