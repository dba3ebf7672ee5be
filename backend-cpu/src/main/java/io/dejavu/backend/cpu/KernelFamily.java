package io.dejavu.backend.cpu;

import io.dejavu.tensor.DType;
import io.dejavu.tensor.MatrixFormat;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// A set of instructions that matrix products are written in, and with it one arithmetic: results
/// of one family are the same to the bit on every machine that has it, those of two families are
/// not.
enum KernelFamily {
  /// 512 bits; bf16 activations with `vdpbf16ps`, int8 activations with `vpdpbusd`.
  AVX512("avx512", 64, "avx512f avx512bw avx512dq avx512vl avx512_vnni avx512_bf16"),
  /// 512 bits; bf16 activations as f32, for CPUs where `vdpbf16ps` is missing or slow.
  AVX512_FMA("avx512-fma", 64, "avx512f avx512bw avx512dq avx512vl avx512_vnni"),
  /// 256 bits.
  AVX2("avx2", 32, "avx2 fma f16c");

  private final String label;
  private final int vectorBytes;
  private final List<String> features;

  KernelFamily(String label, int vectorBytes, String features) {
    this.label = label;
    this.vectorBytes = vectorBytes;
    this.features = Arrays.asList(features.split(" "));
  }

  /// Such as `avx512`, for `--kernels`.
  String label() {
    return label;
  }

  int vectorBytes() {
    return vectorBytes;
  }

  /// The instruction sets it needs that the machine lacks.
  List<String> missing(CpuFeatures machine) {
    return machine.missing(features);
  }

  /// @throws UnsupportedOperationException naming what the machine lacks
  void require(CpuFeatures machine) {
    var missing = missing(machine);
    if (!missing.isEmpty()) {
      throw new UnsupportedOperationException(
          "kernels %s need a CPU with %s".formatted(label, String.join(", ", missing)));
    }
  }

  static Optional<KernelFamily> named(String label) {
    return Arrays.stream(values()).filter(family -> family.label.equals(label)).findFirst();
  }

  PanelLayout layout(MatrixFormat format) {
    return new PanelLayout(format, vectorBytes, this == AVX2 && format.weights() == DType.I8);
  }

  Staging staging(MatrixFormat format) {
    return switch (format.activations()) {
      case F32 -> Staging.FLOATS;
      case BF16 -> this == AVX512 ? Staging.BFLOATS : Staging.ROUNDED;
      case I8 -> layout(format).signedPairs() ? Staging.WORDS : Staging.BYTES;
      case F16, I32, I4 -> throw new IllegalArgumentException(format.toString());
    };
  }

  /// The most rows of a tile.
  int maxRows(MatrixFormat format) {
    return switch (format.weights()) {
      case F32, F16, BF16 -> FloatTile.maxRows(format.weights(), vectorBytes);
      case I8, I4 ->
          format.activations() == DType.I8
              ? ByteDotTile.MAX_ROWS
              : DequantTile.maxRows(vectorBytes);
      case I32 -> throw new IllegalArgumentException(format.toString());
    };
  }

  /// Whether many tiles are better off with weights that were widened to f32 before. (With 256 bits
  /// the two ports of loads are the limit, and widened weights are twice as many bytes.)
  boolean widens(MatrixFormat format) {
    return switch (format.weights()) {
      case F16, BF16 -> vectorBytes == 64 && staging(format) != Staging.BFLOATS;
      case F32, I8, I4, I32 -> false;
    };
  }

  /// @param lines cache lines to prefetch in each step
  TileEmitter tile(MatrixFormat format, int rows, int lines) {
    return switch (format.weights()) {
      case F32, F16, BF16 ->
          format.activations() == DType.BF16 && this == AVX512
              ? new Bf16DotTile(rows, lines)
              : new FloatTile(format.weights(), vectorBytes, rows, lines);
      case I8, I4 -> {
        if (format.activations() == DType.F32) {
          yield new DequantTile(layout(format), rows, lines);
        }
        yield this == AVX2
            ? new WordDotTile(layout(format), rows, lines)
            : new ByteDotTile(format.weights(), format.group(), rows, lines);
      }
      case I32 -> throw new IllegalArgumentException(format.toString());
    };
  }
}
