package io.dejavu.serve.cli;

import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/// Reads sizes such as `512M` or `1.5G` (powers of 1024).
public final class ByteSize implements ITypeConverter<Long> {
  private static final Pattern FORM = Pattern.compile("(\\d+(?:\\.\\d+)?)\\s*([KMGT]?)(?:i?B)?");

  @Override
  public Long convert(String value) {
    var form = FORM.matcher(value.strip());
    if (!form.matches()) {
      throw new TypeConversionException("'%s' is not a size such as 512M or 2G".formatted(value));
    }
    int power = " KMGT".indexOf(form.group(2).isEmpty() ? " " : form.group(2));
    double bytes = Double.parseDouble(form.group(1)) * Math.pow(1024, power);
    if (!(bytes >= 1 && bytes < 1L << 60)) {
      throw new TypeConversionException("'%s' is not a size in memory".formatted(value));
    }
    return (long) bytes;
  }
}
