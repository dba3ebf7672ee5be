package io.dejavu.backend.cpu;

/// The general registers of x86-64.
enum Reg {
  RAX(0),
  RCX(1),
  RDX(2),
  RBX(3),
  RSP(4),
  RBP(5),
  RSI(6),
  RDI(7),
  R8(8),
  R9(9),
  R10(10),
  R11(11),
  R12(12),
  R13(13),
  R14(14),
  R15(15);

  private final int number;

  Reg(int number) {
    this.number = number;
  }

  /// What instructions call it.
  int number() {
    return number;
  }

  /// The memory at this register.
  Mem at() {
    return Mem.at(this, 0);
  }

  /// The memory `displacement` bytes after this register.
  Mem at(int displacement) {
    return Mem.at(this, displacement);
  }
}
