package io.dejavu.grammar;

import java.util.Map;

/// The `format`s of strings, as regular expressions: never more than the format allows, now and
/// then less (addresses and names have short forms only).
final class Formats {
  private static final String YEAR = "[0-9]{4}";
  private static final String LEAP_YEAR =
      "([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)";
  private static final String DATE =
      "(%s-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))|%s-02-29)"
          .formatted(YEAR, LEAP_YEAR);
  private static final String HOURS = "([01][0-9]|2[0-3])";
  // Less than 18 hours, as java.time and all places on earth have it; not -00:00, an unknown place.
  private static final String OFFSET =
      "(\\+00:00|[+-]00:(0[1-9]|[1-5][0-9])|[+-](0[1-9]|1[0-7]):[0-5][0-9])";
  private static final String TIME =
      "%s:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|%s)".formatted(HOURS, OFFSET);
  private static final String BYTE = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
  private static final String LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?";
  private static final String HOST = "%s(\\.%s){0,4}".formatted(LABEL, LABEL);
  private static final String GROUP = "[0-9A-Fa-f]{1,4}";

  private static final Map<String, String> EXPRESSIONS =
      Map.of(
          "date-time",
          DATE + "T" + TIME,
          "date",
          DATE,
          "time",
          TIME,
          "duration",
          "P([0-9]{1,6}W|([0-9]{1,6}Y)?([0-9]{1,6}M)?[0-9]{1,6}D(T[0-9]{1,6}H([0-9]{1,6}M([0-9]{1,6}S)?)?)?|T([0-9]{1,6}H([0-9]{1,6}M([0-9]{1,6}S)?)?|[0-9]{1,6}M([0-9]{1,6}S)?|[0-9]{1,6}S))",
          "uuid",
          "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}",
          "email",
          "[A-Za-z0-9_+-]{1,32}(\\.[A-Za-z0-9_+-]{1,15}){0,2}@%s(\\.%s){0,3}\\.[A-Za-z]{2,10}"
              .formatted(LABEL, LABEL),
          "hostname",
          HOST,
          "ipv4",
          "(%s\\.){3}%s".formatted(BYTE, BYTE),
          "ipv6",
          "(%s:){7}%s|(%s:){1,6}:%s|::1".formatted(GROUP, GROUP, GROUP, GROUP),
          "uri",
          "https?://%s(:[1-9][0-9]{0,3})?(/[A-Za-z0-9._~-]{0,64}){0,16}(\\?[A-Za-z0-9._~=&-]{0,256})?(#[A-Za-z0-9._~-]{0,64})?"
              .formatted(HOST));

  private Formats() {}

  /// The strings of a format.
  ///
  /// @param place in the schema
  static Part of(String format, String place) {
    var expression = EXPRESSIONS.get(format);
    if (expression == null) {
      throw new GrammarException(
          place,
          "format \"%s\" is not supported; supported are %s"
              .formatted(
                  format, String.join(", ", EXPRESSIONS.keySet().stream().sorted().toList())));
    }
    return Regex.parse(expression);
  }
}
