package io.dejavu.template;

import java.time.ZonedDateTime;
import java.time.format.TextStyle;
import java.time.temporal.ChronoField;
import java.time.temporal.IsoFields;
import java.util.Locale;

/// C's `strftime` in the C locale, as Python offers it.
final class Strftime {
  private static final Locale C = Locale.ENGLISH;

  private Strftime() {}

  static String format(ZonedDateTime time, String format) {
    var out = new StringBuilder();
    for (int i = 0; i < format.length(); i++) {
      char c = format.charAt(i);
      if (c != '%' || i + 1 == format.length()) {
        out.append(c);
        continue;
      }
      char directive = format.charAt(++i);
      // GNU's flags: without padding, with spaces, with zeros, in upper case.
      char flag = "-_0^#".indexOf(directive) >= 0 && i + 1 < format.length() ? directive : 0;
      if (flag != 0) {
        directive = format.charAt(++i);
      }
      String text = directive(time, directive);
      out.append(
          text == null ? format.substring(i - (flag == 0 ? 1 : 2), i + 1) : flagged(text, flag));
    }
    return out.toString();
  }

  private static String flagged(String text, char flag) {
    return switch (flag) {
      case '^', '#' -> text.toUpperCase(C);
      case '-', '_' -> {
        int zeros = 0;
        while (zeros < text.length() - 1
            && (text.charAt(zeros) == '0' || text.charAt(zeros) == ' ')) {
          zeros++;
        }
        yield flag == '-' ? text.substring(zeros) : " ".repeat(zeros) + text.substring(zeros);
      }
      case '0' -> text.replace(' ', '0');
      default -> text;
    };
  }

  private static @org.jspecify.annotations.Nullable String directive(
      ZonedDateTime t, char directive) {
    return switch (directive) {
      case '%' -> "%";
      case 'n' -> "\n";
      case 't' -> "\t";
      case 'a' -> t.getDayOfWeek().getDisplayName(TextStyle.SHORT, C);
      case 'A' -> t.getDayOfWeek().getDisplayName(TextStyle.FULL, C);
      case 'b', 'h' -> t.getMonth().getDisplayName(TextStyle.SHORT, C);
      case 'B' -> t.getMonth().getDisplayName(TextStyle.FULL, C);
      case 'd' -> two(t.getDayOfMonth());
      case 'e' -> "%2d".formatted(t.getDayOfMonth());
      case 'm' -> two(t.getMonthValue());
      case 'y' -> two(Math.floorMod(t.getYear(), 100));
      case 'Y' -> Integer.toString(t.getYear());
      case 'C' -> two(t.getYear() / 100);
      case 'G' -> Integer.toString(t.get(IsoFields.WEEK_BASED_YEAR));
      case 'g' -> two(t.get(IsoFields.WEEK_BASED_YEAR) % 100);
      case 'V' -> two(t.get(IsoFields.WEEK_OF_WEEK_BASED_YEAR));
      case 'j' -> "%03d".formatted(t.getDayOfYear());
      case 'U' -> two((t.getDayOfYear() + 6 - t.getDayOfWeek().getValue() % 7) / 7);
      case 'W' -> two((t.getDayOfYear() + 7 - t.getDayOfWeek().getValue()) / 7);
      case 'u' -> Integer.toString(t.getDayOfWeek().getValue());
      case 'w' -> Integer.toString(t.getDayOfWeek().getValue() % 7);
      case 'H' -> two(t.getHour());
      case 'k' -> "%2d".formatted(t.getHour());
      case 'I' -> two(t.get(ChronoField.CLOCK_HOUR_OF_AMPM));
      case 'l' -> "%2d".formatted(t.get(ChronoField.CLOCK_HOUR_OF_AMPM));
      case 'M' -> two(t.getMinute());
      case 'S' -> two(t.getSecond());
      case 'f' -> "%06d".formatted(t.getNano() / 1000);
      case 'p' -> t.getHour() < 12 ? "AM" : "PM";
      case 'P' -> t.getHour() < 12 ? "am" : "pm";
      case 's' -> Long.toString(t.toEpochSecond());
      case 'z', 'Z' -> ""; // Python's `now` knows no zone
      case 'c' -> format(t, "%a %b %e %H:%M:%S %Y");
      case 'D', 'x' -> format(t, "%m/%d/%y");
      case 'F' -> format(t, "%Y-%m-%d");
      case 'T', 'X' -> format(t, "%H:%M:%S");
      case 'R' -> format(t, "%H:%M");
      case 'r' -> format(t, "%I:%M:%S %p");
      default -> null;
    };
  }

  private static String two(int number) {
    return "%02d".formatted(number);
  }
}
