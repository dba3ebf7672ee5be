package io.dejavu.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;

/// Python's arithmetic: ints without bounds (to some thousand digits), floats, bools as 0 and 1.
final class Numbers {
  private static final int MOST_BITS = 1 << 16;
  private static final BigInteger LEAST_LONG = BigInteger.valueOf(Long.MIN_VALUE);
  private static final BigInteger MOST_LONG = BigInteger.valueOf(Long.MAX_VALUE);

  private Numbers() {}

  /// An int in its one form: Long wherever it fits.
  static Object integer(BigInteger n) {
    if (n.bitLength() > MOST_BITS) {
      throw Raised.limit("an integer of more than %d bits", MOST_BITS);
    }
    return n.compareTo(LEAST_LONG) >= 0 && n.compareTo(MOST_LONG) <= 0 ? (Object) n.longValue() : n;
  }

  static BigInteger big(Object n) {
    return switch (n) {
      case Long value -> BigInteger.valueOf(value);
      case Boolean b -> b ? BigInteger.ONE : BigInteger.ZERO;
      case BigInteger value -> value;
      default -> throw new IllegalStateException("not an int: " + n);
    };
  }

  static double real(Object n) {
    return switch (n) {
      case Double d -> d;
      case Long value -> (double) value;
      case Boolean b -> b ? 1 : 0;
      case BigInteger value -> {
        double d = value.doubleValue();
        if (Double.isInfinite(d)) {
          throw new Raised("OverflowError", "int too large to convert to float");
        }
        yield d;
      }
      default -> throw new IllegalStateException("not a number: " + n);
    };
  }

  /// Both fit in 63 bits, so that sums and differences fit in 64.
  private static boolean small(Object a, Object b) {
    return a instanceof Long x
        && b instanceof Long y
        && Math.abs(x) >>> 62 == 0
        && Math.abs(y) >>> 62 == 0;
  }

  static Object add(Object a, Object b) {
    if (small(a, b)) {
      return (Long) a + (Long) b;
    }
    return a instanceof Double || b instanceof Double
        ? (Object) (real(a) + real(b))
        : integer(big(a).add(big(b)));
  }

  static Object subtract(Object a, Object b) {
    if (small(a, b)) {
      return (Long) a - (Long) b;
    }
    return a instanceof Double || b instanceof Double
        ? (Object) (real(a) - real(b))
        : integer(big(a).subtract(big(b)));
  }

  static Object multiply(Object a, Object b) {
    return a instanceof Double || b instanceof Double
        ? (Object) (real(a) * real(b))
        : integer(big(a).multiply(big(b)));
  }

  static Object divide(Object a, Object b) {
    if (real(b) == 0) {
      throw zero(
          b instanceof Double || a instanceof Double
              ? "float division by zero"
              : "division by zero");
    }
    if (a instanceof Double || b instanceof Double) {
      return real(a) / real(b);
    }
    double quotient =
        new BigDecimal(big(a)).divide(new BigDecimal(big(b)), new MathContext(40)).doubleValue();
    if (Double.isInfinite(quotient)) {
      throw new Raised("OverflowError", "integer division result too large for a float");
    }
    return quotient;
  }

  static Object floorDivide(Object a, Object b) {
    if (a instanceof Double || b instanceof Double) {
      double divisor = real(b);
      if (divisor == 0) {
        throw zero("float floor division by zero");
      }
      double dividend = real(a);
      if (Double.isInfinite(divisor) && !Double.isInfinite(dividend)) {
        return dividend != 0 && (dividend < 0) != (divisor < 0) ? -1.0 : 0.0;
      }
      double remainder = dividend % divisor;
      double quotient = (dividend - remainder) / divisor;
      if (remainder != 0 && (remainder < 0) != (divisor < 0)) {
        quotient -= 1;
      }
      if (quotient == 0) {
        return Math.copySign(0.0, dividend / divisor);
      }
      double floor = Math.floor(quotient);
      return quotient - floor > 0.5 ? floor + 1 : floor;
    }
    var divisor = big(b);
    if (divisor.signum() == 0) {
      throw zero("integer division or modulo by zero");
    }
    var parts = big(a).divideAndRemainder(divisor);
    boolean down = parts[1].signum() != 0 && parts[1].signum() != divisor.signum();
    return integer(down ? parts[0].subtract(BigInteger.ONE) : parts[0]);
  }

  static Object modulo(Object a, Object b) {
    if (a instanceof Double || b instanceof Double) {
      double divisor = real(b);
      if (divisor == 0) {
        throw zero("float modulo");
      }
      double remainder = real(a) % divisor;
      if (remainder == 0) {
        return Math.copySign(0.0, divisor);
      }
      return (remainder < 0) != (divisor < 0) ? remainder + divisor : remainder;
    }
    var divisor = big(b);
    if (divisor.signum() == 0) {
      throw zero("integer modulo by zero");
    }
    var remainder = big(a).remainder(divisor);
    boolean other = remainder.signum() != 0 && remainder.signum() != divisor.signum();
    return integer(other ? remainder.add(divisor) : remainder);
  }

  static Object power(Object a, Object b) {
    if (Types.isInteger(a) && Types.isInteger(b) && big(b).signum() >= 0) {
      var base = big(a);
      var exponent = big(b);
      if (base.bitLength() > 1
          && (exponent.bitLength() > 31
              || (long) (base.bitLength() - 1) * exponent.intValue() > MOST_BITS)) {
        throw Raised.limit("an integer of more than %d bits", MOST_BITS);
      }
      // 0, 1 and -1 to any power: only whether it is zero or odd counts.
      return integer(
          base.bitLength() > 1
              ? base.pow(exponent.intValue())
              : base.pow(
                  exponent.bitLength() > 31 ? (exponent.testBit(0) ? 3 : 2) : exponent.intValue()));
    }
    double base = real(a);
    double exponent = real(b);
    if (base == 0 && exponent < 0) {
      throw zero("0.0 cannot be raised to a negative power");
    }
    if (base < 0 && exponent != Math.rint(exponent) && !Double.isInfinite(base)) {
      throw Raised.typeError("complex numbers are not known to templates");
    }
    if (base == 1 || exponent == 0) {
      return 1.0;
    }
    double power = base == -1 && Double.isInfinite(exponent) ? 1.0 : Math.pow(base, exponent);
    if (Double.isInfinite(power) && !Double.isInfinite(base) && !Double.isInfinite(exponent)) {
      throw new Raised("OverflowError", "(34, 'Numerical result out of range')");
    }
    return power;
  }

  static Object negate(Object a) {
    return a instanceof Double d ? (Object) (-d) : integer(big(a).negate());
  }

  static Object plus(Object a) {
    return a instanceof Boolean b ? (b ? 1L : 0L) : a;
  }

  static Object absolute(Object a) {
    return a instanceof Double d ? (Object) Math.abs(d) : integer(big(a).abs());
  }

  /// Exact, also between ints and floats; NaN is the caller's.
  static int compare(Object a, Object b) {
    if (a instanceof Long x && b instanceof Long y) {
      return Long.compare(x, y);
    }
    if (a instanceof Double || b instanceof Double) {
      double x = a instanceof Double d ? d : big(a).doubleValue();
      double y = b instanceof Double d ? d : big(b).doubleValue();
      if (a instanceof Double && b instanceof Double) {
        return x < y ? -1 : x > y ? 1 : 0;
      }
      // An int may be too large for a float and still less than infinite.
      if (a instanceof Double && Double.isInfinite(x)) {
        return x > 0 ? 1 : -1;
      }
      if (b instanceof Double && Double.isInfinite(y)) {
        return y > 0 ? -1 : 1;
      }
      if (x != y) {
        return x < y ? -1 : 1;
      }
      return decimal(a).compareTo(decimal(b));
    }
    return big(a).compareTo(big(b));
  }

  static boolean isNaN(Object a) {
    return a instanceof Double d && Double.isNaN(d);
  }

  private static BigDecimal decimal(Object a) {
    return a instanceof Double d ? new BigDecimal(d) : new BigDecimal(big(a));
  }

  /// Python's `int(value)` of a float: towards zero.
  static Object truncate(double d) {
    if (Double.isNaN(d)) {
      throw Raised.valueError("cannot convert float NaN to integer");
    }
    if (Double.isInfinite(d)) {
      throw new Raised("OverflowError", "cannot convert float infinity to integer");
    }
    return Math.abs(d) < 0x1p62 ? (Object) (long) d : integer(new BigDecimal(d).toBigInteger());
  }

  /// Python's `round(value, digits)`: to even where both are equally near.
  static Object round(Object value, int digits) {
    if (!(value instanceof Double d)) {
      if (digits >= 0) {
        return plus(value);
      }
      if (-digits > 5000) {
        return 0L;
      }
      return integer(
          new BigDecimal(big(value)).setScale(digits, RoundingMode.HALF_EVEN).toBigInteger());
    }
    if (Double.isNaN(d) || Double.isInfinite(d) || digits > 400) {
      return d;
    }
    if (digits < -400) {
      return Math.copySign(0.0, d);
    }
    double rounded = new BigDecimal(d).setScale(digits, RoundingMode.HALF_EVEN).doubleValue();
    return Math.copySign(rounded, d);
  }

  private static Raised zero(String reason) {
    return new Raised("ZeroDivisionError", reason);
  }
}
