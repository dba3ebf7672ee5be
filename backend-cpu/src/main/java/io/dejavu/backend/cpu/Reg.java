package io.dejavu.backend.cpu;

/// The general registers of x86-64, in the order of their numbers.
enum Reg {
  RAX,
  RCX,
  RDX,
  RBX,
  RSP,
  RBP,
  RSI,
  RDI,
  R8,
  R9,
  R10,
  R11,
  R12,
  R13,
  R14,
  R15;

  /// The memory at this register.
  Mem at() {
    return Mem.at(this, 0);
  }

  /// The memory `displacement` bytes after this register.
  Mem at(int displacement) {
    return Mem.at(this, displacement);
  }
}
