package io.dejavu.grammar;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.ArrayList;
import org.jspecify.annotations.Nullable;

/// Numbers between two bounds, by their digits: exact, without exponents.
final class NumberRange {
  private static final Part ZERO_TO_NINE = Part.one(JsonText.DIGITS);

  private NumberRange() {}

  /// Integers from `least` to `most`; null: as far as digits go.
  static Part integers(@Nullable BigInteger least, @Nullable BigInteger most) {
    var ways = new ArrayList<Part>();
    var low = least == null ? BigInteger.ONE.subtract(beyond(most)) : least;
    var high = most == null ? beyond(least).subtract(BigInteger.ONE) : most;
    if (low.signum() < 0) {
      var smallest = high.signum() < 0 ? high.negate() : BigInteger.ONE;
      ways.add(Part.sequence(Part.literal("-"), naturals(smallest, low.negate())));
    }
    if (high.signum() >= 0) {
      ways.add(naturals(low.max(BigInteger.ZERO), high));
    }
    return Part.choice(ways);
  }

  /// The power of ten that bounds what has no bound of its own.
  private static BigInteger beyond(@Nullable BigInteger other) {
    int digits = other == null ? 0 : other.abs().toString().length() + 1;
    return BigInteger.TEN.pow(Math.max(digits, JsonText.INTEGER_DIGITS));
  }

  private static Part naturals(BigInteger low, BigInteger high) {
    if (low.compareTo(high) > 0) {
      return Part.NEVER;
    }
    var ways = new ArrayList<Part>();
    int shortest = low.toString().length();
    int longest = high.toString().length();
    for (int length = shortest; length <= longest; length++) {
      var from = length == shortest ? low.toString() : "1" + "0".repeat(length - 1);
      var to = length == longest ? high.toString() : "9".repeat(length);
      ways.add(sameLength(from, to));
    }
    return Part.choice(ways);
  }

  private static Part sameLength(String from, String to) {
    if (from.isEmpty()) {
      return Part.NOTHING;
    }
    // Checked first, or both halves of every digit would go on with all numbers.
    if (isAll(from, '0') && isAll(to, '9')) {
      return Part.repeat(ZERO_TO_NINE, from.length(), from.length());
    }
    char low = from.charAt(0);
    char high = to.charAt(0);
    var fromRest = from.substring(1);
    var toRest = to.substring(1);
    if (low == high) {
      return Part.sequence(digits(low, high), sameLength(fromRest, toRest));
    }
    int rest = fromRest.length();
    var ways = new ArrayList<Part>();
    ways.add(Part.sequence(digits(low, low), sameLength(fromRest, "9".repeat(rest))));
    if (high - low > 1) {
      ways.add(
          Part.sequence(
              digits((char) (low + 1), (char) (high - 1)), Part.repeat(ZERO_TO_NINE, rest, rest)));
    }
    ways.add(Part.sequence(digits(high, high), sameLength("0".repeat(rest), toRest)));
    return Part.choice(ways);
  }

  private static boolean isAll(String digits, char digit) {
    return digits.chars().allMatch(c -> c == digit);
  }

  private static Part digits(char from, char to) {
    return Part.one(CodePoints.range(from, to));
  }

  /// One end of a range of decimals.
  ///
  /// @param included whether `value` itself is in
  record Bound(BigDecimal value, boolean included) {
    Bound negated() {
      return new Bound(value.negate(), included);
    }
  }

  /// Decimals between two bounds; null: as far as digits go.
  ///
  /// @param fractionDigits most digits after the point
  static Part decimals(@Nullable Bound least, @Nullable Bound most, int fractionDigits) {
    var zero = new Bound(BigDecimal.ZERO, true);
    var ways = new ArrayList<Part>();
    if (least == null || least.value().signum() < 0) {
      var from = most != null && most.value().signum() <= 0 ? most.negated() : zero;
      var to = least == null ? null : least.negated();
      ways.add(Part.sequence(Part.literal("-"), magnitudes(from, to, fractionDigits)));
    }
    if (most == null || most.value().signum() >= 0) {
      var from = least != null && least.value().signum() >= 0 ? least : zero;
      ways.add(magnitudes(from, most, fractionDigits));
    }
    return Part.choice(ways);
  }

  private static Part magnitudes(Bound from, @Nullable Bound to, int fractionDigits) {
    var low = from.value().setScale(0, RoundingMode.FLOOR).toBigInteger();
    var high = to == null ? beyond(low) : to.value().setScale(0, RoundingMode.FLOOR).toBigInteger();
    var fromFraction = new Fraction(fraction(from.value()), from.included());
    var toFraction = to == null ? null : new Fraction(fraction(to.value()), to.included());
    if (low.equals(high)) {
      return Part.sequence(
          Part.literal(low.toString()), fractions(fromFraction, toFraction, fractionDigits));
    }
    var all = new Fraction("", true);
    var ways = new ArrayList<Part>();
    ways.add(
        Part.sequence(Part.literal(low.toString()), fractions(fromFraction, null, fractionDigits)));
    ways.add(
        Part.sequence(
            naturals(low.add(BigInteger.ONE), high.subtract(BigInteger.ONE)),
            fractions(all, null, fractionDigits)));
    if (toFraction != null) {
      ways.add(
          Part.sequence(Part.literal(high.toString()), fractions(all, toFraction, fractionDigits)));
    }
    return Part.choice(ways);
  }

  private static String fraction(BigDecimal value) {
    var rest = value.subtract(value.setScale(0, RoundingMode.FLOOR)).stripTrailingZeros();
    return rest.signum() == 0 ? "" : rest.toPlainString().substring(2);
  }

  /// The digits after the point of a bound, without zeros at their end.
  private record Fraction(String digits, boolean included) {
    /// 0 beyond the last.
    char digit(int at) {
      return at < digits.length() ? digits.charAt(at) : '0';
    }
  }

  /// Nothing, or a point and digits.
  ///
  /// @param to null: below 1
  private static Part fractions(Fraction from, @Nullable Fraction to, int most) {
    // Deep enough to get past the digits of both bounds.
    int digits =
        most < JsonText.FRACTION_DIGITS
            ? most
            : Math.max(
                most, 1 + Math.max(from.digits().length(), to == null ? 0 : to.digits().length()));
    var ways = new ArrayList<Part>();
    boolean zeroIsHigh = to != null && to.digits().isEmpty() && !to.included();
    if (from.digits().isEmpty() && from.included() && !zeroIsHigh) {
      ways.add(Part.NOTHING);
    }
    if (digits > 0) {
      ways.add(Part.sequence(Part.literal("."), fractionDigits(from, to, 0, digits)));
    }
    return Part.choice(ways);
  }

  /// Digits from place `at` on, when those before are those of `from` (else null), and those of
  /// `to` (else null).
  private static Part fractionDigits(
      @Nullable Fraction from, @Nullable Fraction to, int at, int most) {
    if (from == null && to == null) {
      return Part.repeat(ZERO_TO_NINE, at == 0 ? 1 : 0, most - at);
    }
    var ways = new ArrayList<Part>();
    boolean reachesFrom = from == null || at >= from.digits().length() && from.included();
    boolean staysBelow = to == null || at < to.digits().length() || to.included();
    if (at > 0 && reachesFrom && staysBelow) {
      ways.add(Part.NOTHING);
    }
    char low = from == null ? '0' : from.digit(at);
    char high = to == null ? '9' : to.digit(at);
    if (at < most && low <= high) {
      if (from != null) {
        var rest = fractionDigits(from, low == high ? to : null, at + 1, most);
        ways.add(Part.sequence(digits(low, low), rest));
      }
      if (to != null && (from == null || low < high)) {
        ways.add(Part.sequence(digits(high, high), fractionDigits(null, to, at + 1, most)));
      }
      int first = from == null ? low : low + 1;
      int last = to == null ? high : high - 1;
      if (first <= last) {
        ways.add(
            Part.sequence(
                digits((char) first, (char) last), fractionDigits(null, null, at + 1, most)));
      }
    }
    return Part.choice(ways);
  }

  /// What a bound may look like: so many digits, so that no number of a few characters becomes a
  /// million of them.
  static boolean isReasonable(BigDecimal value) {
    return value.precision() <= 60 && Math.abs((long) value.scale()) <= 60;
  }
}
