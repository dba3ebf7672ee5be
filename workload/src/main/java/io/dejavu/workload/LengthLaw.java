package io.dejavu.workload;

/// How long prompts or answers are, in tokens.
public sealed interface LengthLaw {
  /// All the same.
  record Fixed(int tokens) implements LengthLaw {
    public Fixed {
      range(tokens, tokens);
    }
  }

  /// Every length from `least` to `most` equally often.
  record Uniform(int least, int most) implements LengthLaw {
    public Uniform {
      range(least, most);
    }
  }

  /// `median · e^(sigma · normal)`, cut off at `least` and `most`: the shape of real prompts and
  /// answers.
  record LogNormal(double median, double sigma, int least, int most) implements LengthLaw {
    public LogNormal {
      range(least, most);
      if (!(median > 0 && sigma > 0)) {
        throw new IllegalArgumentException("median %s, sigma %s".formatted(median, sigma));
      }
    }
  }

  /// @param text `128`, or `64..256` for all lengths between, or `lognormal:MEDIAN:SIGMA:MOST`
  static LengthLaw parse(String text) {
    try {
      if (text.startsWith("lognormal:")) {
        String[] parts = text.split(":", -1);
        if (parts.length == 4) {
          return new LogNormal(
              Double.parseDouble(parts[1]),
              Double.parseDouble(parts[2]),
              1,
              Integer.parseInt(parts[3]));
        }
      } else {
        int dots = text.indexOf("..");
        return dots < 0
            ? new Fixed(Integer.parseInt(text))
            : new Uniform(
                Integer.parseInt(text.substring(0, dots)),
                Integer.parseInt(text.substring(dots + 2)));
      }
    } catch (NumberFormatException _) {
      // said below
    }
    throw new IllegalArgumentException(
        "'%s' is not a length such as 128, 64..256 or lognormal:200:0.8:2000".formatted(text));
  }

  private static void range(int least, int most) {
    if (least < 1 || most < least) {
      throw new IllegalArgumentException("lengths from %d to %d".formatted(least, most));
    }
  }
}
