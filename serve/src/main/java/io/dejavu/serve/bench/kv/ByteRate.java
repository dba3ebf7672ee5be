package io.dejavu.serve.bench.kv;

import java.util.Map;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/// How much a link carries, such as `10Gbit` or `1.25GB` in a second (powers of 1000, as links are
/// sold).
///
/// @param text as it was written
record ByteRate(double bytesPerSecond, String text) {
  private static final Pattern FORM =
      Pattern.compile("(\\d+(?:\\.\\d+)?)\\s*([KMGT])(bit|B)(?:/s)?");
  private static final Map<String, Double> THOUSANDS =
      Map.of("K", 1e3, "M", 1e6, "G", 1e9, "T", 1e12);

  /// Time that so many bytes take.
  long nanos(long bytes) {
    return (long) (bytes * 1e9 / bytesPerSecond);
  }

  /// Reads one from a command line.
  static final class Reader implements ITypeConverter<ByteRate> {
    @Override
    public ByteRate convert(String value) {
      var text = value.strip();
      var form = FORM.matcher(text);
      if (!form.matches()) {
        throw new TypeConversionException(
            "'%s' is not a rate such as 10Gbit or 1.25GB".formatted(value));
      }
      double number =
          Double.parseDouble(form.group(1)) * THOUSANDS.getOrDefault(form.group(2), 1.0);
      return new ByteRate(form.group(3).equals("bit") ? number / 8 : number, text);
    }
  }
}
