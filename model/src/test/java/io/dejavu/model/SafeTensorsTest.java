package io.dejavu.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.dejavu.tensor.DType;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafeTensorsTest {
  @TempDir Path directory;

  @Test
  void everyTypeIsWidened() throws IOException {
    Files.write(directory.resolve(SafeTensors.SINGLE), TinyCheckpoint.valid());
    try (var weights = SafeTensors.open(directory)) {
      var row = new float[5];
      weights.matrix("a", 2, 3).read(1, row, 1);
      assertThat(row).containsExactly(0, 4, 5, 6, 0);
      weights.matrix("c", 1, 2).read(0, row, 0);
      assertThat(row).containsExactly(1, 2, 5, 6, 0);
      assertThat(weights.vector("b", 3)).containsExactly(1, 2, 3);

      assertThat(weights.names()).containsExactly("a", "b", "c", "mask");
      assertThat(weights.has("a")).isTrue();
      assertThat(weights.has("d")).isFalse();
      assertThat(weights.shape("a")).containsExactly(2, 3);
      assertThat(weights.type("a")).isEqualTo(DType.BF16);
      assertThat(weights.type("b")).isEqualTo(DType.F32);
      assertThat(weights.type("c")).isEqualTo(DType.F16);
    }
  }

  @Test
  void whatIsAskedForWronglyIsRefused() throws IOException {
    Files.write(directory.resolve(SafeTensors.SINGLE), TinyCheckpoint.valid());
    try (var weights = SafeTensors.open(directory)) {
      assertThatThrownBy(() -> weights.matrix("a", 3, 2))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContainingAll("model.safetensors", "\"a\"", "[2, 3]", "[3, 2]");
      assertThatThrownBy(() -> weights.vector("a", 6))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("\"a\"");
      assertThatThrownBy(() -> weights.vector("none", 6))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("no tensor \"none\"");
      assertThatThrownBy(() -> weights.vector("mask", 2))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContainingAll("\"mask\"", "BOOL");
      assertThatThrownBy(() -> weights.matrix("a", 2, 3).read(2, new float[3], 0))
          .isInstanceOf(IndexOutOfBoundsException.class);
    }
  }

  @ParameterizedTest
  @CsvSource({"F32,7f800000", "F32,ffc00001", "F16,7c00", "F16,fe01", "BF16,ff80", "BF16,7fc0"})
  void notANumberIsReportedWithItsPlace(String type, String bits) throws IOException {
    int size = type.equals("F32") ? 4 : 2;
    var data = ByteBuffer.allocate(3 * 40 * size).order(ByteOrder.LITTLE_ENDIAN);
    int at = (40 + 33) * size;
    if (size == 4) {
      data.putInt(at, Integer.parseUnsignedInt(bits, 16));
    } else {
      data.putShort(at, (short) Integer.parseInt(bits, 16));
    }
    TinyCheckpoint.raw(
        directory,
        "{\"w\":{\"dtype\":\"%s\",\"shape\":[3,40],\"data_offsets\":[0,%d]}}"
            .formatted(type, 120 * size),
        data.array());
    try (var weights = SafeTensors.open(directory)) {
      var matrix = weights.matrix("w", 3, 40);
      matrix.read(0, new float[40], 0);
      assertThatThrownBy(() -> matrix.read(1, new float[40], 0))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContainingAll("\"w\"", "row 1, column 33");
      matrix.read(2, new float[40], 0);
    }
  }

  @Test
  void everyFiniteValueOfSixteenBitsIsReadExactly() throws IOException {
    for (var type : new String[] {"F16", "BF16"}) {
      var data = ByteBuffer.allocate(65536 * 2).order(ByteOrder.LITTLE_ENDIAN);
      var expected = new float[65536];
      for (int bits = 0; bits < 65536; bits++) {
        float value =
            type.equals("F16")
                ? Float.float16ToFloat((short) bits)
                : Float.intBitsToFloat(bits << 16);
        data.putShort((short) (Float.isFinite(value) ? bits : 0));
        expected[bits] = Float.isFinite(value) ? value : 0;
      }
      TinyCheckpoint.raw(
          directory,
          "{\"w\":{\"dtype\":\"%s\",\"shape\":[65536],\"data_offsets\":[0,131072]}}"
              .formatted(type),
          data.array());
      try (var weights = SafeTensors.open(directory)) {
        assertThat(weights.vector("w", 65536)).containsExactly(expected);
      }
    }
  }

  @Test
  void aFileOfMoreThanTwoGigabytesIsRead() throws IOException {
    long elements = 600_000_000L;
    var header =
        "{\"big\":{\"dtype\":\"F32\",\"shape\":[600000,1000],\"data_offsets\":[0,%d]}}"
            .formatted(elements * 4);
    var file = TinyCheckpoint.raw(directory, header, 0);
    try (var sparse = new RandomAccessFile(file.toFile(), "rw")) {
      long start = sparse.length();
      sparse.setLength(start + elements * 4); // no blocks are written for the zeros
      sparse.seek(start + (elements - 1) * 4);
      sparse.write(new byte[] {0, 0, (byte) 0x80, 0x3f}); // 1.0f
    }
    try (var weights = SafeTensors.open(directory)) {
      var row = new float[1000];
      weights.matrix("big", 600_000, 1000).read(599_999, row, 0);
      assertThat(row).startsWith(0, 0).endsWith(0, 1);
    }
  }

  @Test
  void tensorsOfNoElementsAndScalarsAreThere() throws IOException {
    TinyCheckpoint.raw(
        directory,
        """
        {"empty":{"dtype":"F32","shape":[0,4],"data_offsets":[0,0]},
         "scalar":{"dtype":"I64","shape":[],"data_offsets":[0,8]}}   \s""",
        8);
    try (var weights = SafeTensors.open(directory)) {
      assertThat(weights.matrix("empty", 0, 4).rows()).isZero();
      assertThat(weights.shape("scalar")).isEmpty();
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "[]                                                                   | does not begin with",
        "{                                                                    | header has",
        "{ \"a                                                                 | not valid JSON",
        "{} x                                                                 | not valid JSON",
        "{} {}                                                                | after the JSON object",
        "{}                                                                   | belong to none",
        "{\"a\":1}                                                            | not described",
        "{\"a\":{}}                                                           | lacks",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[6]}}                            | lacks",
        "{\"a\":{\"dtype\":\"F31\",\"shape\":[6],\"data_offsets\":[0,24]}}    | unknown dtype \"F31\"",
        "{\"a\":{\"dtype\":7,\"shape\":[6],\"data_offsets\":[0,24]}}          | unknown dtype",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":6,\"data_offsets\":[0,24]}}      | shape is not a list",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[6.0],\"data_offsets\":[0,24]}}  | whole numbers",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[-6],\"data_offsets\":[0,24]}}   | whole numbers",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[7],\"data_offsets\":[0,24]}}    | takes 28",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,4294967296],\"data_offsets\":[0,24]}} | dimension",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2147483647,2147483647,2147483647],\"data_offsets\":[0,24]}} | too many elements",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[99999999999999999999],\"data_offsets\":[0,24]}} | whole numbers",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,6],\"data_offsets\":[0,24]}} | more than 8",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[6],\"data_offsets\":[24,0]}}    | [begin, end]",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[6],\"data_offsets\":[0]}}       | [begin, end]",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[7],\"data_offsets\":[0,28]}}    | ends at byte 28 of 24",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[5],\"data_offsets\":[4,24]}}    | leave a gap",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[5],\"data_offsets\":[0,20]}}    | 4 bytes after",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[5],\"data_offsets\":[0,20]},\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[16,24]}} | overlap",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},\"b\":{\"dtype\":\"F16\",\"shape\":[11],\"data_offsets\":[2,24]},\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}} | uplicate",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"shape\":[4],\"data_offsets\":[0,4]}} | uplicate",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[3,4]},\"c\":{\"dtype\":\"F32\",\"shape\":[5],\"data_offsets\":[4,24]}} | ok",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},\"c\":{\"dtype\":\"F32\",\"shape\":[5],\"data_offsets\":[3,23]},\"d\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[23,24]}} | no multiple",
      })
  void aHeaderIsReadOrRefusedWithItsReason(String header, String reason) throws IOException {
    TinyCheckpoint.raw(directory, header, 24);
    if (reason.equals("ok")) {
      SafeTensors.open(directory).close();
      return;
    }
    assertThatThrownBy(() -> SafeTensors.open(directory))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContainingAll("model.safetensors", reason);
  }

  @ParameterizedTest
  @CsvSource({"-1", "0", "1", "9223372036854775807", "-9223372036854775808", "23", "100000000"})
  void aHeaderOfAnAbsurdLengthIsRefused(long length) throws IOException {
    var file = Arrays.copyOf(TinyCheckpoint.number(length), 30);
    Files.write(directory.resolve(SafeTensors.SINGLE), file);

    assertThatThrownBy(() -> SafeTensors.open(directory))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContainingAll("model.safetensors", "header has");
  }

  @Test
  void aHeaderOfFortyMegabytesIsNotRead() throws IOException {
    var file = TinyCheckpoint.raw(directory, "{}", 0);
    try (var sparse = new RandomAccessFile(file.toFile(), "rw")) {
      sparse.write(TinyCheckpoint.number(40L << 20));
      sparse.setLength(41L << 20);
    }
    assertThatThrownBy(() -> SafeTensors.open(directory))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("header of");
  }

  @Test
  void tooManyTensorsAreRefused() throws IOException {
    var header = new StringBuilder("{");
    for (int i = 0; i <= SafeTensorsHeader.MOST_TENSORS; i++) {
      header.append(i == 0 ? "" : ",").append('"').append(i).append('"');
      header.append(":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}");
    }
    TinyCheckpoint.raw(directory, header.append('}').toString(), 0);

    assertThatThrownBy(() -> SafeTensors.open(directory))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("more than 262,144 tensors");
  }

  @Test
  void aFileCutAnywhereIsRefused() throws IOException {
    var whole = TinyCheckpoint.valid();
    for (int n = 0; n < whole.length; n++) {
      Files.write(directory.resolve(SafeTensors.SINGLE), Arrays.copyOf(whole, n));
      assertThatThrownBy(() -> SafeTensors.open(directory))
          .as("%d bytes", n)
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("model.safetensors");
    }
  }

  @Test
  void damagedFilesAreReadOrRefusedButNeverCrash() throws IOException {
    var whole = TinyCheckpoint.valid();
    var header = Arrays.copyOfRange(whole, 8, whole.length - 30);
    var random = new Random(20261121);
    int refused = 0;
    for (int round = 0; round < 2000; round++) {
      byte[] file;
      if (random.nextInt(4) == 0) {
        file = Mutations.of(whole, random);
      } else { // a header of the right length, but with something else in it
        var json = new String(Mutations.of(header, random), StandardCharsets.ISO_8859_1);
        file =
            TinyCheckpoint.file(json, Arrays.copyOfRange(whole, whole.length - 30, whole.length));
      }
      Files.write(directory.resolve(SafeTensors.SINGLE), file);
      try (var weights = SafeTensors.open(directory)) {
        for (var name : weights.names()) {
          if (!name.equals("mask")) {
            read(weights, name);
          }
        }
      } catch (CheckpointException e) {
        refused++;
        assertThat(e).as("round %d", round).hasMessageContaining("model.safetensors");
      }
    }
    assertThat(refused).isBetween(1000, 1995);
  }

  static void read(Weights weights, String name) {
    var shape = weights.shape(name);
    if (shape.length == 1) {
      assertThat(weights.vector(name, shape[0])).hasSize(shape[0]);
    } else if (shape.length == 2) {
      var matrix = weights.matrix(name, shape[0], shape[1]);
      var row = new float[matrix.columns()];
      for (int i = 0; i < matrix.rows(); i++) {
        matrix.read(i, row, 0);
      }
    }
  }
}
