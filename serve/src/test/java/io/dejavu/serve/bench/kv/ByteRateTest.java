package io.dejavu.serve.bench.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.TypeConversionException;

final class ByteRateTest {
  private static ByteRate read(String text) {
    return new ByteRate.Reader().convert(text);
  }

  @ParameterizedTest
  @CsvSource({
    "10Gbit, 1250000000",
    "40Gbit/s, 5000000000",
    "1.25GB, 1250000000",
    "' 500 MB/s ', 500000000"
  })
  void bitsAndBytesAreThousands(String text, double bytes) {
    assertThat(read(text).bytesPerSecond()).isEqualTo(bytes);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "10", "10G", "Gbit", "-1GB", "10 gigabit"})
  void whatSaysNeitherBitsNorBytesIsNoRate(String text) {
    assertThatThrownBy(() -> read(text))
        .isInstanceOf(TypeConversionException.class)
        .hasMessageContaining("'%s' is not a rate", text);
  }

  @Test
  void bytesTakeTheirTime() {
    assertThat(read("8Gbit").nanos(1000)).isEqualTo(1000);
    assertThat(read("1GB").nanos(3)).isEqualTo(3);
  }
}
