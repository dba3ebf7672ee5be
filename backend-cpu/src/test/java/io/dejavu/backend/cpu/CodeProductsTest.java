package io.dejavu.backend.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.dejavu.tensor.DType;
import io.dejavu.tensor.HostDevice;
import io.dejavu.tensor.MatrixFormat;
import io.dejavu.tensor.MatrixSource;
import io.dejavu.tensor.PackedMatrix;
import io.dejavu.tensor.PlainKernels;
import io.dejavu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Every family that this machine's CPU can run, in every format.
class CodeProductsTest {
  record Case(KernelFamily family, MatrixFormat format) {
    @Override
    public String toString() {
      return family.label() + " " + format;
    }
  }

  record Shape(int rows, int outputs, int columns) {}

  private static final List<Shape> SHAPES =
      List.of(
          new Shape(1, 1, 1),
          new Shape(2, 7, 5),
          new Shape(3, 33, 31),
          new Shape(4, 64, 128),
          new Shape(7, 65, 130),
          new Shape(12, 96, 33),
          new Shape(13, 40, 257),
          new Shape(25, 200, 96),
          new Shape(33, 31, 1000));

  private final HostDevice device = new HostDevice();

  static Stream<Case> cases() {
    var machine = CpuFeatures.ofThisMachine();
    return EnumSet.allOf(KernelFamily.class).stream()
        .filter(family -> family.missing(machine).isEmpty())
        .flatMap(family -> formats().stream().map(format -> new Case(family, format)));
  }

  private static List<MatrixFormat> formats() {
    var formats =
        new ArrayList<>(
            List.of(MatrixFormat.F32, MatrixFormat.F16, MatrixFormat.BF16, MatrixFormat.BF16_BF16));
    for (var weights : List.of(DType.I8, DType.I4)) {
      for (var activations : List.of(DType.F32, DType.I8)) {
        formats.add(new MatrixFormat(weights, activations, 32));
        formats.add(new MatrixFormat(weights, activations, 128));
      }
    }
    return formats;
  }

  @ParameterizedTest
  @MethodSource("cases")
  void multipliesAsThePlainKernelsDo(Case c) {
    try (var workers = new Workers(2);
        var products = new CodeProducts(c.family, workers);
        var plain = new PlainKernels()) {
      for (var shape : SHAPES) {
        var source = new Numbers(shape.outputs, shape.columns, 1);
        var x = strided(shape.rows, shape.columns, 2);
        var bias = strided(1, shape.outputs, 3);
        try (var packed = products.pack(source, c.format);
            var expected = plain.pack(source, c.format)) {
          for (var withBias : List.of(false, true)) {
            for (var accumulate : List.of(false, true)) {
              var actualOut = strided(shape.rows, shape.outputs, 4);
              var expectedOut = strided(shape.rows, shape.outputs, 4);

              products.multiply(x, packed, withBias ? bias : null, actualOut, accumulate);
              plain.linear(x, expected, withBias ? bias : null, expectedOut, accumulate);

              // The sums' terms are at most 1, and about 1/4 on average.
              assertClose(shape + "", expectedOut, actualOut, 2e-6f * (8 + shape.columns / 4f));
            }
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void readsRowsAsThePlainKernelsDo(Case c) {
    try (var workers = new Workers(2);
        var products = new CodeProducts(c.family, workers);
        var plain = new PlainKernels()) {
      var source = new Numbers(50, 77, 5);
      try (var packed = products.pack(source, c.format);
          var expected = plain.pack(source, c.format)) {
        var actual = device.tensor(DType.F32, 1, 77);
        var plainRow = device.tensor(DType.F32, 1, 77);
        for (int row = 0; row < 50; row++) {
          products.read(packed, row, HostDevice.segment(actual.buffer()).address());
          plain.gather(expected, device.ints(row), plainRow);

          assertArrayEquals(values(plainRow, 0), values(actual, 0), "row " + row);
        }
      }
    }
  }

  /// The rule that everything about replay and recovery rests on.
  @ParameterizedTest
  @MethodSource("cases")
  void aRowIsTheSameToTheBitInAnyCompany(Case c) {
    var outputs = 70;
    var columns = 150;
    var most = 40;
    var x = strided(most, columns, 7);
    var source = new Numbers(outputs, columns, 6);
    var alone = new float[most][];
    for (int threads = 1; threads <= 3; threads++) {
      try (var workers = new Workers(threads);
          var products = new CodeProducts(c.family, workers);
          var packed = products.pack(source, c.format)) {
        for (int rows = 1; rows <= most; rows++) {
          for (int from : List.of(0, (most - rows) / 2, most - rows)) {
            var out = device.tensor(DType.F32, rows, outputs);
            products.multiply(x.rows(from, from + rows), packed, null, out, false);
            for (int row = 0; row < rows; row++) {
              if (rows == 1 && threads == 1) {
                alone[from] = values(out, 0);
              } else if (alone[from + row] == null) {
                alone[from + row] = alone(products, packed, x, from + row);
              }
              assertArrayEquals(
                  bits(alone[from + row]),
                  bits(values(out, row)),
                  "row %d of %d from %d, %d threads".formatted(row, rows, from, threads));
            }
            out.buffer().close();
          }
        }
      }
    }
  }

  /// Many rows and columns: several blocks, parts, chunks and tasks.
  @ParameterizedTest
  @MethodSource("cases")
  void aRowIsTheSameToTheBitInALargeProduct(Case c) {
    var outputs = 96;
    var columns = 5000;
    var x = strided(400, columns, 8);
    try (var workers = new Workers(2);
        var products = new CodeProducts(c.family, workers);
        var packed = products.pack(new Numbers(outputs, columns, 9), c.format)) {
      var out = device.tensor(DType.F32, 400, outputs);
      products.multiply(x, packed, null, out, false);

      for (int row : List.of(0, 1, 11, 12, 127, 128, 200, 399)) {
        assertArrayEquals(
            bits(alone(products, packed, x, row)), bits(values(out, row)), "row " + row);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void notANumberStaysInItsRow(Case c) {
    try (var workers = new Workers(1);
        var products = new CodeProducts(c.family, workers);
        var packed = products.pack(new Numbers(40, 64, 6), c.format)) {
      var x = strided(3, 64, 7);
      HostDevice.segment(x.buffer()).set(JAVA_FLOAT, x.offset() + 4L * x.stride(), Float.NaN);
      var out = device.tensor(DType.F32, 3, 40);

      products.multiply(x, packed, null, out, false);

      for (int n = 0; n < 40; n++) {
        assertTrue(Float.isFinite(values(out, 0)[n]));
        assertTrue(Float.isNaN(values(out, 1)[n]), "output " + n);
        assertTrue(Float.isFinite(values(out, 2)[n]));
      }
    }
  }

  @Test
  void refusesWhatDoesNotFit() {
    var family = cases().findFirst();
    if (family.isEmpty()) {
      return;
    }
    try (var workers = new Workers(1);
        var products = new CodeProducts(family.get().family, workers);
        var plain = new PlainKernels()) {
      var packed = products.pack(new Numbers(8, 16, 1), MatrixFormat.F32);
      var x = device.tensor(DType.F32, 2, 16);
      var out = device.tensor(DType.F32, 2, 8);

      assertRefused(products, device.tensor(DType.F32, 2, 15), packed, null, out);
      assertRefused(products, x, packed, null, device.tensor(DType.F32, 3, 8));
      assertRefused(products, x, packed, null, device.tensor(DType.F32, 2, 9));
      assertRefused(products, x, packed, device.tensor(DType.F32, 1, 9), out);
      assertRefused(products, x, plain.pack(new Numbers(8, 16, 1), MatrixFormat.F32), null, out);
      packed.close();
      assertThrows(
          IllegalStateException.class, () -> products.multiply(x, packed, null, out, false));
    }
  }

  private static void assertRefused(
      CodeProducts products, Tensor x, PackedMatrix w, Tensor bias, Tensor out) {
    assertThrows(IllegalArgumentException.class, () -> products.multiply(x, w, bias, out, false));
  }

  private float[] alone(CodeProducts products, PackedMatrix packed, Tensor x, int row) {
    var out = device.tensor(DType.F32, 1, packed.rows());
    products.multiply(x.rows(row, row + 1), packed, null, out, false);
    return values(out, 0);
  }

  private static void assertClose(String what, Tensor expected, Tensor actual, float tolerance) {
    for (int row = 0; row < expected.rows(); row++) {
      assertArrayEquals(
          values(expected, row), values(actual, row), tolerance, what + ", row " + row);
    }
  }

  private static float[] values(Tensor x, int row) {
    var values = new float[x.columns()];
    var from = x.offset() + 4L * row * x.stride();
    MemorySegment.copy(HostDevice.segment(x.buffer()), JAVA_FLOAT, from, values, 0, values.length);
    return values;
  }

  private static int[] bits(float[] values) {
    var bits = new int[values.length];
    Arrays.setAll(bits, i -> Float.floatToRawIntBits(values[i]));
    return bits;
  }

  /// A tensor with room between its rows, filled with numbers in -1..1.
  private Tensor strided(int rows, int columns, long seed) {
    var stride = columns + 3;
    var whole = device.tensor(DType.F32, rows, stride);
    var random = new SplittableRandom(seed);
    for (long i = 0; i < (long) rows * stride; i++) {
      var value = (float) random.nextDouble(-1, 1);
      HostDevice.segment(whole.buffer()).setAtIndex(JAVA_FLOAT, i, value);
    }
    return whole.columns(2, 2 + columns);
  }

  /// Rows of numbers in -1..1.
  private record Numbers(int rows, int columns, long seed) implements MatrixSource {
    @Override
    public void read(int row, float[] target, int offset) {
      var random = new SplittableRandom(seed * 1_000_003 + row);
      for (int k = 0; k < columns; k++) {
        target[offset + k] = (float) random.nextDouble(-1, 1);
      }
    }
  }
}
