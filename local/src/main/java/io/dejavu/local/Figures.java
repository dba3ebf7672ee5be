package io.dejavu.local;

import java.time.Duration;
import java.util.Locale;

/// Numbers as people read them.
public final class Figures {
  private static final String[] BINARY = {"B", "KiB", "MiB", "GiB", "TiB"};
  private static final String[] DECIMAL = {"", " thousand", " M", " B", " T"};

  private Figures() {}

  /// Such as `512 MiB`.
  public static String bytes(long bytes) {
    return scaled(bytes, 1024, BINARY, " ");
  }

  /// Such as `7.1 M`.
  public static String count(long count) {
    return scaled(count, 1000, DECIMAL, "");
  }

  /// Such as `1.2 s`.
  public static String seconds(Duration time) {
    return String.format(Locale.ROOT, "%.1f s", time.toMillis() / 1e3);
  }

  private static String scaled(long value, int step, String[] units, String space) {
    double scaled = value;
    int unit = 0;
    while (scaled >= step && unit < units.length - 1) {
      scaled /= step;
      unit++;
    }
    boolean whole = unit == 0 || scaled >= 100 || scaled == Math.rint(scaled);
    return String.format(Locale.ROOT, whole ? "%.0f%s%s" : "%.1f%s%s", scaled, space, units[unit]);
  }
}
