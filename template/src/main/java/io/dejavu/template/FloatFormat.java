package io.dejavu.template;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;

/// Floats in the notations `e`, `f` and `g` of C, exactly rounded.
final class FloatFormat {
  private static final int MOST_DIGITS = 2000;

  private FloatFormat() {}

  /// Without sign.
  ///
  /// @param alternate keeps the point and, with `g`, zeros at the end
  static String format(double value, char notation, int digits, boolean alternate) {
    boolean upper = Character.isUpperCase(notation);
    if (Double.isNaN(value) || Double.isInfinite(value)) {
      String word = Double.isNaN(value) ? "nan" : "inf";
      return upper ? PythonText.upper(word) : word;
    }
    if (digits > MOST_DIGITS) {
      throw Raised.limit("a number of more than %d digits", MOST_DIGITS);
    }
    var exact = new BigDecimal(Math.abs(value));
    String text =
        switch (Character.toLowerCase(notation)) {
          case 'e' -> scientific(exact, digits, alternate);
          case 'g' -> general(exact, Math.max(1, digits), alternate);
          default -> {
            String fixed = exact.setScale(digits, RoundingMode.HALF_EVEN).toPlainString();
            yield alternate && digits == 0 ? fixed + "." : fixed;
          }
        };
    return upper ? PythonText.upper(text) : text;
  }

  private static String scientific(BigDecimal value, int digits, boolean alternate) {
    String all;
    int exponent;
    if (value.signum() == 0) {
      all = "0".repeat(digits + 1);
      exponent = 0;
    } else {
      var rounded = value.round(new MathContext(digits + 1, RoundingMode.HALF_EVEN));
      all = rounded.unscaledValue().toString();
      exponent = all.length() - 1 - rounded.scale();
      all = all + "0".repeat(Math.max(0, digits + 1 - all.length()));
      all = all.substring(0, digits + 1);
    }
    String point = digits > 0 || alternate ? "." : "";
    return all.charAt(0) + point + all.substring(1) + exponent(exponent);
  }

  private static String exponent(int exponent) {
    String digits = Integer.toString(Math.abs(exponent));
    return "e" + (exponent < 0 ? "-" : "+") + (digits.length() < 2 ? "0" : "") + digits;
  }

  private static String general(BigDecimal value, int digits, boolean alternate) {
    int exponent = 0;
    if (value.signum() != 0) {
      var rounded = value.round(new MathContext(digits, RoundingMode.HALF_EVEN));
      exponent = rounded.precision() - 1 - rounded.scale();
    }
    if (exponent < -4 || exponent >= digits) {
      String text = scientific(value, digits - 1, alternate);
      int e = text.indexOf('e');
      return alternate ? text : withoutZeros(text.substring(0, e)) + text.substring(e);
    }
    String text = value.setScale(digits - 1 - exponent, RoundingMode.HALF_EVEN).toPlainString();
    return alternate ? text : withoutZeros(text);
  }

  private static String withoutZeros(String text) {
    if (text.indexOf('.') < 0) {
      return text;
    }
    int end = text.length();
    while (text.charAt(end - 1) == '0') {
      end--;
    }
    return text.substring(0, text.charAt(end - 1) == '.' ? end - 1 : end);
  }
}
