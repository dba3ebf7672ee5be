package io.dejavu.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.dejavu.tensor.DType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PrecisionTest {
  /// The formats of a matrix of 256 columns, of one of 160, of a table, and of keys and values.
  @ParameterizedTest
  @CsvSource({
    "auto,     stored,  F32,  f32,       f32,      f32,       F32",
    "auto,     stored,  F16,  f16,       f16,      f16,       F32",
    "auto,     stored,  BF16, bf16*bf16, bf16*bf16, bf16*bf16, BF16",
    "float32,  stored,  BF16, bf16,      bf16,     bf16,      F32",
    "float32,  stored,  F16,  f16,       f16,      f16,       F32",
    "bfloat16, stored,  F32,  bf16*bf16, bf16*bf16, bf16*bf16, BF16",
    "auto,     int8,    BF16, i8:128*i8, i8:32*i8, bf16*bf16, BF16",
    "auto,     int8:32, F32,  i8:32*i8,  i8:32*i8, f32,       F32",
    "float32,  int8,    BF16, i8:128,    i8:32,    bf16,      F32",
    "bfloat16, int4,    BF16, i4:32*i8,  i4:32*i8, bf16*bf16, BF16",
    "auto,     int4:128, F16, i4:128*i8, i4:32*i8, f16,       F32",
  })
  void formatsFollowOptionsAndCheckpoint(
      String dtype,
      String weights,
      DType stored,
      String matrix,
      String narrow,
      String table,
      DType kv) {
    var precision = Precision.parse(dtype, weights);

    assertThat(precision.matrix(stored, 256)).hasToString(matrix);
    assertThat(precision.matrix(stored, 160)).hasToString(narrow);
    assertThat(precision.table(stored)).hasToString(table);
    assertThat(precision.kv(stored)).isEqualTo(kv);
  }

  @Test
  void otherOptionsAreRefused() {
    assertThatThrownBy(() -> Precision.parse("float64", "stored"))
        .hasMessage("--dtype is auto, float32 or bfloat16, not float64");
    assertThatThrownBy(() -> Precision.parse("auto", "int4:64"))
        .hasMessage(
            "--weights is stored, int8 or int4, the last two with :32 or :128, not int4:64");
  }
}
