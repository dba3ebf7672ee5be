package io.dejavu.backend.cpu;

import io.dejavu.backend.cpu.Assembler.Label;

/// Writes the code that stages activations, see {@link Staging}.
///
/// | register | what                                               |
/// |----------|----------------------------------------------------|
/// | `rdi`    | first row, f32                                     |
/// | `rsi`    | bytes from one row to the next                     |
/// | `rdx`    | where the first row goes                           |
/// | `rcx`    | bytes from one staged row to the next              |
/// | `r8`     | rows, at least 1                                   |
/// | `r9`     | steps of {@link Staging#columns} columns, at least 1 |
///
/// AVX2, but for `vcvtneps2bf16`. Registers: 0..7 pass values on, 8 integer sums, 9 scale, 10..15
/// constants.
final class StagingEmitter {
  private static final Reg X = Reg.RDI;
  private static final Reg OUT = Reg.RDX;

  private final Assembler a = new Assembler();
  private final Staging staging;
  private final int group;
  private final boolean nibbles;

  /// @param nibbles whether weights are int4
  StagingEmitter(Staging staging, int group, boolean nibbles) {
    this.staging = staging;
    this.group = group;
    this.nibbles = nibbles;
  }

  byte[] emit() {
    constants();
    var nextRow = new Label();
    a.bind(nextRow);
    a.mov(Reg.R10, X);
    a.mov(Reg.R11, OUT);
    a.mov(Reg.RAX, Reg.R9);
    var nextStep = new Label();
    a.bind(nextStep);
    step();
    a.add(X, 4 * staging.columns(group));
    a.add(OUT, staging.bytes(staging.columns(group), group));
    a.sub(Reg.RAX, 1);
    a.jnz(nextStep);
    a.lea(X, Mem.at(Reg.R10, Reg.RSI, 1, 0));
    a.lea(OUT, Mem.at(Reg.R11, Reg.RCX, 1, 0));
    a.sub(Reg.R8, 1);
    a.jnz(nextRow);
    a.vzeroupper();
    a.ret();
    return a.code();
  }

  private void constants() {
    var ones = ymm(15);
    a.ones(ones);
    a.vpsrld(absolute(), ones, 1); // 7fffffff
    a.vpsrld(ymm(11), ones, 17); // 7fff
    a.vpsrld(ymm(12), ones, 31); // 1
    a.vpslld(ymm(13), ones, 16); // ffff0000
    a.mov(Reg.RAX, Float.floatToRawIntBits(127));
    a.vmovd(most().lower(16), Reg.RAX);
  }

  private void step() {
    switch (staging) {
      case FLOATS -> {
        for (int k = 0; k < staging.columns(group); k += 8) {
          a.vmovups(ymm(0), X.at(4 * k));
          a.vmovups(OUT.at(4 * k), ymm(0));
        }
      }
      case ROUNDED -> {
        rounded(0);
        rounded(32);
      }
      case BFLOATS -> {
        a.vcvtneps2bf16(ymm(0), X.at());
        a.vmovups(OUT.at(), ymm(0));
      }
      case BYTES, WORDS -> integers();
    }
  }

  /// Eight f32 to the nearest bf16: add half of the last place, less one where it is even; cut.
  private void rounded(int at) {
    var x = ymm(0);
    var sum = ymm(1);
    a.vmovups(x, X.at(at));
    a.vpsrld(sum, x, 16);
    a.vpand(sum, sum, ymm(12));
    a.vpaddd(sum, sum, ymm(11));
    a.vpaddd(sum, sum, x);
    a.vpand(sum, sum, ymm(13));
    a.vcmpunordps(ymm(2), x, x);
    a.vblendvps(sum, sum, x, ymm(2)); // not a number stays what it is
    a.vmovups(OUT.at(at), sum);
  }

  /// A group: `scale = max|x| / 127`, `q = rint(x / scale)`.
  private void integers() {
    var scale = ymm(9);
    var valid = ymm(7);
    maximum();
    a.vdivps(scale.lower(16), ymm(0).lower(16), most().lower(16));
    a.vbroadcastss(scale, scale.lower(16));
    a.zero(valid);
    a.vcmpneqps(valid, scale, valid); // where all is zero, x / scale is not a number

    var sum = ymm(8);
    a.zero(sum);
    var word = staging == Staging.WORDS ? 2 : 1;
    for (int k = 0; k < group; k += 16) {
      eight(k, ymm(0), sum, scale, valid);
      eight(k + 8, ymm(2), sum, scale, valid);
      if (staging == Staging.WORDS) {
        a.vmovups(OUT.at(2 * k), ymm(0).lower(16));
        a.vmovups(OUT.at(2 * k + 16), ymm(2).lower(16));
      } else {
        a.vpacksswb(ymm(0).lower(16), ymm(0).lower(16), ymm(2).lower(16));
        a.vmovups(OUT.at(k), ymm(0).lower(16));
      }
    }
    fold(sum, false);
    a.vpslld(sum.lower(16), sum.lower(16), nibbles ? 3 : 7);
    a.zero(ymm(0));
    a.vpsubd(sum.lower(16), ymm(0).lower(16), sum.lower(16));
    a.vmovss(OUT.at(word * group), scale.lower(16));
    a.vmovd(OUT.at(word * group + 4), sum.lower(16));
  }

  /// The integers of eight activations as i16 in the lower half of `to`; the register after it is
  /// used.
  private void eight(int k, Vec to, Vec sum, Vec scale, Vec valid) {
    var upper = ymm(to.number() + 1).lower(16);
    a.vmovups(to, X.at(4 * k));
    a.vdivps(to, to, scale);
    a.vcvtps2dq(to, to);
    a.vpand(to, to, valid);
    a.vpaddd(sum, sum, to);
    a.vextracti128(upper, to);
    a.vpackssdw(to.lower(16), to.lower(16), upper);
  }

  /// `max|x|` of the group in the lowest lane of register 0. As integers, because the bits of
  /// positive floats are ordered as they are, and not a number counts as the greatest.
  private void maximum() {
    a.zero(ymm(0));
    for (int k = 0; k < group; k += 8) {
      a.vpand(ymm(1), absolute(), X.at(4 * k));
      a.vpmaxsd(ymm(0), ymm(0), ymm(1));
    }
    fold(ymm(0), true);
  }

  /// The maximum or sum of all eight lanes in the lowest one.
  private void fold(Vec lanes, boolean maximum) {
    var low = lanes.lower(16);
    var other = ymm(1).lower(16);
    a.vextracti128(other, lanes);
    combine(low, other, maximum);
    a.vpshufd(other, low, 0b01_00_11_10);
    combine(low, other, maximum);
    a.vpshufd(other, low, 0b10_11_00_01);
    combine(low, other, maximum);
  }

  private void combine(Vec to, Vec other, boolean maximum) {
    if (maximum) {
      a.vpmaxsd(to, to, other);
    } else {
      a.vpaddd(to, to, other);
    }
  }

  private static Vec ymm(int number) {
    return Vec.ymm(number);
  }

  private static Vec absolute() {
    return ymm(10);
  }

  private static Vec most() {
    return ymm(14);
  }
}
