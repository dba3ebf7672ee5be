package io.dejavu.backend.cpu;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// Writes x86-64 machine code: the few dozen instructions that our kernels need, named as in the
/// manuals, destination first. Vector instructions with 64-byte registers, registers from 16 on or
/// a broadcast are encoded with EVEX, all others with VEX.
///
/// Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, §2.3 (VEX), §2.7
/// (EVEX) and the instruction pages.
final class Assembler {
  /// A place in the code to jump to.
  static final class Label {
    private int position = -1;
    private int[] patches = {};
  }

  /// How much memory an operand without broadcast reads, by which EVEX divides displacements
  /// (§2.7.5).
  private enum Tuple {
    FULL,
    HALF,
    QUARTER,
    ELEMENT;

    int bytes(int vector) {
      return switch (this) {
        case FULL -> vector;
        case HALF -> vector / 2;
        case QUARTER -> vector / 4;
        case ELEMENT -> 4;
      };
    }
  }

  /// What is common to all encodings of one vector instruction.
  ///
  /// @param map 1: 0F, 2: 0F38, 3: 0F3A
  /// @param prefix 0: none, 1: 66, 2: F3, 3: F2
  private record Op(int map, int prefix, int code, Tuple tuple) {
    Op(int map, int prefix, int code) {
      this(map, prefix, code, Tuple.FULL);
    }
  }

  private byte[] code = new byte[1024];
  private int size;

  /// The code so far.
  byte[] code() {
    return Arrays.copyOf(code, size);
  }

  /// Where the next instruction goes, in bytes from the start.
  int position() {
    return size;
  }

  // --- general registers

  void mov(Reg to, Reg from) {
    general(0x89, from.number(), to);
  }

  void mov(Reg to, Mem from) {
    general(0x8b, to.number(), from);
  }

  void mov(Mem to, Reg from) {
    general(0x89, from.number(), to);
  }

  void mov(Reg to, int value) {
    general(0xc7, 0, to);
    i32(value);
  }

  void lea(Reg to, Mem address) {
    general(0x8d, to.number(), address);
  }

  void add(Reg to, Reg value) {
    general(0x01, value.number(), to);
  }

  void add(Reg to, int value) {
    immediate(0, to, value);
  }

  void sub(Reg to, int value) {
    immediate(5, to, value);
  }

  void cmp(Reg a, Reg b) {
    general(0x39, b.number(), a);
  }

  void test(Reg a, Reg b) {
    general(0x85, b.number(), a);
  }

  void push(Reg from) {
    if (from.number() >= 8) {
      bytes(0x41);
    }
    bytes(0x50 + from.number() % 8);
  }

  void pop(Reg to) {
    if (to.number() >= 8) {
      bytes(0x41);
    }
    bytes(0x58 + to.number() % 8);
  }

  void call(Reg function) {
    if (function.number() >= 8) {
      bytes(0x41);
    }
    bytes(0xff, 0xd0 | function.number() & 7);
  }

  void ret() {
    bytes(0xc3);
  }

  /// Into the first-level cache.
  void prefetcht0(Mem line) {
    prefetch(1, line);
  }

  /// Into the second-level cache.
  void prefetcht1(Mem line) {
    prefetch(2, line);
  }

  // --- jumps

  /// The next instruction is `label`.
  void bind(Label label) {
    if (label.position >= 0) {
      throw new IllegalStateException("label bound twice");
    }
    label.position = size;
    for (int patch : label.patches) {
      i32(patch, size - (patch + 4));
    }
  }

  void jmp(Label to) {
    jump(new int[] {0xeb}, new int[] {0xe9}, to);
  }

  /// If the last result was not zero, or the compared ones differ.
  void jnz(Label to) {
    jump(new int[] {0x75}, new int[] {0x0f, 0x85}, to);
  }

  /// If the last result was zero, or the compared ones are equal.
  void jz(Label to) {
    jump(new int[] {0x74}, new int[] {0x0f, 0x84}, to);
  }

  // --- vectors: moves

  void vzeroupper() {
    bytes(0xc5, 0xf8, 0x77);
  }

  void vmovups(Vec to, Mem from) {
    vector(new Op(1, 0, 0x10), to, null, from);
  }

  void vmovups(Mem to, Vec from) {
    vector(new Op(1, 0, 0x11), from, null, to);
  }

  void vmovaps(Vec to, Vec from) {
    vector(new Op(1, 0, 0x28), to, null, from);
  }

  /// One f32 of memory in every lane.
  void vbroadcastss(Vec to, Mem from) {
    vector(new Op(2, 1, 0x18, Tuple.ELEMENT), to, null, from);
  }

  /// One 32-bit integer of memory in every lane.
  void vpbroadcastd(Vec to, Mem from) {
    vector(new Op(2, 1, 0x58, Tuple.ELEMENT), to, null, from);
  }

  /// The lowest f32 to memory.
  void vmovss(Mem to, Vec from) {
    vector(new Op(1, 2, 0x11), from, null, to);
  }

  /// The lowest 32 bits to memory.
  void vmovd(Mem to, Vec from) {
    vector(new Op(1, 1, 0x7e), from, null, to);
  }

  /// 32 bits of a general register to the lowest lane, zeros above.
  void vmovd(Vec to, Reg from) {
    vector(new Op(1, 1, 0x6e), to, null, new Vec(from.number(), 16));
  }

  /// The lowest lane of `from` in every lane.
  void vbroadcastss(Vec to, Vec from) {
    vector(new Op(2, 1, 0x18, Tuple.ELEMENT), to, null, from);
  }

  /// The upper 16 bytes of a ymm.
  void vextracti128(Vec to, Vec from) {
    vector(new Op(3, 1, 0x39), from, null, to);
    bytes(1);
  }

  /// Lane `i` of each 16 bytes becomes their lane `order >> 2 i & 3`.
  void vpshufd(Vec to, Vec from, int order) {
    vector(new Op(1, 1, 0x70), to, null, from);
    bytes(order);
  }

  /// All bits zero.
  void zero(Vec to) {
    if (to.number() < 16) { // a VEX instruction on the lower part clears the rest
      var low = to.lower(16);
      vector(new Op(1, 1, 0xef), low, low, low);
    } else {
      vector(new Op(1, 1, 0xef), to, to, to);
    }
  }

  /// All bits one.
  void ones(Vec to) {
    if (to.bytes() == 64) {
      vector(new Op(3, 1, 0x25), to, to, to); // vpternlogd with "true" for every combination
      bytes(0xff);
    } else {
      vector(new Op(1, 1, 0x76), to, to, to); // vpcmpeqd
    }
  }

  // --- vectors: floating point

  void vaddps(Vec to, Vec a, Operand b) {
    vector(new Op(1, 0, 0x58), to, a, b);
  }

  void vsubps(Vec to, Vec a, Operand b) {
    vector(new Op(1, 0, 0x5c), to, a, b);
  }

  void vmulps(Vec to, Vec a, Operand b) {
    vector(new Op(1, 0, 0x59), to, a, b);
  }

  void vdivps(Vec to, Vec a, Operand b) {
    vector(new Op(1, 0, 0x5e), to, a, b);
  }

  /// Lanes where `a` and `b` are ordered and differ: all bits one, else zero (AVX).
  void vcmpneqps(Vec to, Vec a, Operand b) {
    vector(new Op(1, 0, 0xc2), to, a, b);
    bytes(12);
  }

  /// Lanes where one of `a` and `b` is not a number: all bits one, else zero (AVX).
  void vcmpunordps(Vec to, Vec a, Operand b) {
    vector(new Op(1, 0, 0xc2), to, a, b);
    bytes(3);
  }

  /// `b` where the sign of `mask` is set, else `a` (AVX).
  void vblendvps(Vec to, Vec a, Vec b, Vec mask) {
    vector(new Op(3, 1, 0x4a), to, a, b);
    bytes(mask.number() << 4);
  }

  /// Each f32 as i32, to nearest, ties to even.
  void vcvtps2dq(Vec to, Operand from) {
    vector(new Op(1, 1, 0x5b), to, null, from);
  }

  /// Each f32 of a zmm as bf16, to nearest, ties to even (AVX512_BF16). Subnormals become zero.
  void vcvtneps2bf16(Vec to, Mem from) {
    evexOf(64, new Op(2, 2, 0x72), to, null, from);
  }

  /// `to += a · b`, rounded once.
  void vfmadd231ps(Vec to, Vec a, Operand b) {
    vector(new Op(2, 1, 0xb8), to, a, b);
  }

  /// `to = to · a + b`, rounded once.
  void vfmadd213ps(Vec to, Vec a, Operand b) {
    vector(new Op(2, 1, 0xa8), to, a, b);
  }

  /// `to += a₁b₁ + a₀b₀` of the pairs of bf16 in each 32-bit lane (AVX512_BF16).
  void vdpbf16ps(Vec to, Vec a, Operand b) {
    vector(new Op(2, 2, 0x52), to, a, b);
  }

  /// Each i32 as f32.
  void vcvtdq2ps(Vec to, Operand from) {
    vector(new Op(1, 0, 0x5b), to, null, from);
  }

  /// Each f16 of half as many bytes as f32.
  void vcvtph2ps(Vec to, Mem from) {
    vector(new Op(2, 1, 0x13, Tuple.HALF), to, null, from);
  }

  // --- vectors: integers

  /// `to += Σ aᵢbᵢ` of the four u8 of `a` and the four i8 of `b` in each lane (AVX512_VNNI).
  void vpdpbusd(Vec to, Vec a, Operand b) {
    vector(new Op(2, 1, 0x50), to, a, b);
  }

  /// The sums of two neighbouring products of i16, as i32.
  void vpmaddwd(Vec to, Vec a, Operand b) {
    vector(new Op(1, 1, 0xf5), to, a, b);
  }

  /// The sums of two neighbouring products of u8 in `a` and i8 in `b`, as i16, saturated.
  void vpmaddubsw(Vec to, Vec a, Operand b) {
    vector(new Op(2, 1, 0x04), to, a, b);
  }

  void vpaddw(Vec to, Vec a, Operand b) {
    vector(new Op(1, 1, 0xfd), to, a, b);
  }

  void vpaddd(Vec to, Vec a, Operand b) {
    vector(new Op(1, 1, 0xfe), to, a, b);
  }

  void vpsubd(Vec to, Vec a, Operand b) {
    vector(new Op(1, 1, 0xfa), to, a, b);
  }

  /// The greater of each two i32.
  void vpmaxsd(Vec to, Vec a, Operand b) {
    vector(new Op(2, 1, 0x3d), to, a, b);
  }

  /// i32 of `a`, then of `b`, as i16, saturated, in each 16 bytes.
  void vpackssdw(Vec to, Vec a, Operand b) {
    vector(new Op(1, 1, 0x6b), to, a, b);
  }

  /// i16 of `a`, then of `b`, as i8, saturated, in each 16 bytes.
  void vpacksswb(Vec to, Vec a, Operand b) {
    vector(new Op(1, 1, 0x63), to, a, b);
  }

  void vpand(Vec to, Vec a, Operand b) {
    vector(new Op(1, 1, 0xdb), to, a, b);
  }

  /// Each i8 of half as many bytes as i16.
  void vpmovsxbw(Vec to, Mem from) {
    vector(new Op(2, 1, 0x20, Tuple.HALF), to, null, from);
  }

  /// Each i16 of half as many bytes as i32.
  void vpmovsxwd(Vec to, Mem from) {
    vector(new Op(2, 1, 0x23, Tuple.HALF), to, null, from);
  }

  /// Each u16 of half as many bytes as i32.
  void vpmovzxwd(Vec to, Mem from) {
    vector(new Op(2, 1, 0x33, Tuple.HALF), to, null, from);
  }

  /// Each 16-bit element shifted right, zeros coming in.
  void vpsrlw(Vec to, Vec from, int bits) {
    shift(0x71, 2, to, from, bits);
  }

  /// Each 16-bit element shifted left.
  void vpsllw(Vec to, Vec from, int bits) {
    shift(0x71, 6, to, from, bits);
  }

  /// Each 32-bit element shifted right, zeros coming in.
  void vpsrld(Vec to, Vec from, int bits) {
    shift(0x72, 2, to, from, bits);
  }

  /// Each 32-bit element shifted right, the sign coming in.
  void vpsrad(Vec to, Vec from, int bits) {
    shift(0x72, 4, to, from, bits);
  }

  /// Each 32-bit element shifted left.
  void vpslld(Vec to, Vec from, int bits) {
    shift(0x72, 6, to, from, bits);
  }

  // --- encoding

  private void shift(int opcode, int extension, Vec to, Vec from, int bits) {
    // The destination stands where other instructions have their first source.
    vector(new Op(1, 1, opcode), new Vec(extension, to.bytes()), to, from);
    bytes(bits);
  }

  /// @param reg the operand in ModRM.reg
  /// @param source the operand in VEX.vvvv; null: none
  private void vector(Op op, Vec reg, @Nullable Vec source, Operand last) {
    var extended =
        reg.number() > 15
            || source != null && source.number() > 15
            || last instanceof Vec(var number, _) && number > 15;
    var broadcast = last instanceof Mem mem && mem.broadcast();
    if (reg.bytes() == 64 || extended || broadcast) {
      evex(op, reg, source, last);
    } else {
      vex(op, reg, source, last);
    }
  }

  private void vex(Op op, Vec reg, @Nullable Vec source, Operand last) {
    if (op.map == 2 && op.code == 0x50 || op.map == 2 && op.code == 0x52) {
      throw new IllegalArgumentException("this instruction needs AVX-512");
    }
    var r = ~(reg.number() >> 3) & 1;
    var x = ~(index(last) >> 3) & 1;
    var b = ~(base(last) >> 3) & 1;
    var vvvv = ~(source == null ? 0 : source.number()) & 15;
    var rest = vvvv << 3 | (reg.bytes() == 32 ? 4 : 0) | op.prefix;
    if (x == 1 && b == 1 && op.map == 1) {
      bytes(0xc5, r << 7 | rest, op.code);
    } else {
      bytes(0xc4, r << 7 | x << 6 | b << 5 | op.map, rest, op.code);
    }
    modrm(reg.number() & 7, last, 1);
  }

  private void evex(Op op, Vec reg, @Nullable Vec source, Operand last) {
    evexOf(reg.bytes(), op, reg, source, last);
  }

  /// @param vectorBytes of the instruction, which may differ from its destination's
  private void evexOf(int vectorBytes, Op op, Vec reg, @Nullable Vec source, Operand last) {
    var r = ~(reg.number() >> 3) & 1;
    var rHigh = ~(reg.number() >> 4) & 1;
    // A register's fifth bit stands where memory has the fourth bit of its index.
    var x = ~(last instanceof Vec v ? v.number() >> 4 : index(last) >> 3) & 1;
    var b = ~(base(last) >> 3) & 1;
    var vvvv = ~(source == null ? 0 : source.number()) & 15;
    var vHigh = ~(source == null ? 0 : source.number() >> 4) & 1;
    var length =
        switch (vectorBytes) {
          case 16 -> 0;
          case 32 -> 1;
          default -> 2;
        };
    var broadcast = last instanceof Mem mem && mem.broadcast();
    bytes(
        0x62,
        r << 7 | x << 6 | b << 5 | rHigh << 4 | op.map,
        vvvv << 3 | 4 | op.prefix,
        length << 5 | (broadcast ? 16 : 0) | vHigh << 3,
        op.code);
    modrm(reg.number() & 7, last, broadcast ? 4 : op.tuple.bytes(vectorBytes));
  }

  private static int base(Operand operand) {
    return switch (operand) {
      case Vec v -> v.number();
      case Mem m -> m.base().number();
    };
  }

  private static int index(Operand operand) {
    return operand instanceof Mem(_, Reg index, _, _, _) && index != null ? index.number() : 0;
  }

  /// @param unit what a displacement of one byte counts
  private void modrm(int reg, Operand operand, int unit) {
    switch (operand) {
      case Vec v -> bytes(0xc0 | reg << 3 | v.number() & 7);
      case Mem m -> memory(reg, m, unit);
    }
  }

  private void memory(int reg, Mem m, int unit) {
    var base = m.base().number() & 7;
    var short8 = m.displacement() % unit == 0 && fits8(m.displacement() / unit);
    var mod = m.displacement() == 0 && base != 5 ? 0 : short8 ? 1 : 2;
    if (m.index() == null && base != 4) {
      bytes(mod << 6 | reg << 3 | base);
    } else {
      var index = m.index() == null ? 4 : m.index().number() & 7;
      var scale = Integer.numberOfTrailingZeros(m.scale());
      bytes(mod << 6 | reg << 3 | 4, scale << 6 | index << 3 | base);
    }
    if (mod == 1) {
      bytes(m.displacement() / unit);
    } else if (mod == 2) {
      i32(m.displacement());
    }
  }

  private void general(int opcode, int reg, Reg last) {
    bytes(0x48 | reg >> 3 << 2 | last.number() >> 3, opcode);
    bytes(0xc0 | (reg & 7) << 3 | last.number() & 7);
  }

  private void general(int opcode, int reg, Mem last) {
    bytes(0x48 | reg >> 3 << 2 | index(last) >> 3 << 1 | base(last) >> 3, opcode);
    memory(reg & 7, last, 1);
  }

  private void immediate(int extension, Reg to, int value) {
    if (fits8(value)) {
      general(0x83, extension, to);
      bytes(value);
    } else {
      general(0x81, extension, to);
      i32(value);
    }
  }

  private void prefetch(int level, Mem line) {
    var rex = index(line) >> 3 << 1 | base(line) >> 3;
    if (rex != 0) {
      bytes(0x40 | rex);
    }
    bytes(0x0f, 0x18);
    memory(level, line, 1);
  }

  private void jump(int[] near, int[] far, Label to) {
    var distance = to.position - (size + near.length + 1);
    if (to.position >= 0 && fits8(distance)) {
      bytes(near);
      bytes(distance);
      return;
    }
    bytes(far);
    if (to.position >= 0) {
      i32(to.position - (size + 4));
    } else {
      to.patches = Arrays.copyOf(to.patches, to.patches.length + 1);
      to.patches[to.patches.length - 1] = size;
      i32(0);
    }
  }

  private static boolean fits8(int value) {
    return value == (byte) value;
  }

  private void bytes(int... values) {
    if (size + values.length > code.length) {
      code = Arrays.copyOf(code, 2 * code.length);
    }
    for (int value : values) {
      code[size++] = (byte) value;
    }
  }

  private void i32(int value) {
    bytes(value, value >> 8, value >> 16, value >> 24);
  }

  private void i32(int position, int value) {
    for (int i = 0; i < 4; i++) {
      code[position + i] = (byte) (value >> 8 * i);
    }
  }
}
