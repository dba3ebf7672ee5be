package io.dejavu.backend.cpu;

import io.dejavu.backend.cpu.Assembler.Label;

/// Writes a *tile*: machine code that multiplies a few rows of activations with a piece of one
/// panel of weights. A panel is two vectors wide; see {@link PanelLayout}.
///
/// The code is a function of six integers (System V calling convention):
///
/// | register | what                                                             |
/// |----------|------------------------------------------------------------------|
/// | `rdi`    | activations of the first row, staged as the tile wants them      |
/// | `rsi`    | bytes from one row of activations to the next                    |
/// | `rdx`    | panel, 64-byte aligned                                           |
/// | `rcx`    | how many steps to do, at least 1                                 |
/// | `r8`     | sums, f32 `[rows, 2 vectors]`: read (unless it starts), written  |
/// | `r9`     | address to prefetch from, `lines` cache lines in each step       |
///
/// It has two entries: *start* begins with sums of zero, *resume* with those at `r8`. Each sum is
/// one chain of additions over the columns in order, whatever the number of rows, so that a row's
/// result does not depend on its company.
abstract class TileEmitter {
  static final Reg STRIDE = Reg.RSI;
  static final Reg PANEL = Reg.RDX;
  static final Reg COUNT = Reg.RCX;
  static final Reg SUMS = Reg.R8;
  static final Reg AHEAD = Reg.R9;

  /// Each addresses three rows, as `base`, `base + STRIDE` and `base + 2 STRIDE`.
  private static final Reg[] BASES = {Reg.RDI, Reg.R10, Reg.R11, Reg.RAX};

  /// Finished code.
  ///
  /// @param start offset of the entry that begins with zeros
  /// @param resume offset of the entry that goes on
  record Tile(byte[] code, int start, int resume) {}

  final Assembler a = new Assembler();
  final int rows;
  final int vectorBytes;
  private final int lines;
  private int prefetched;

  /// @param lines cache lines to prefetch in each step
  TileEmitter(int vectorBytes, int rows, int lines) {
    if (rows < 1 || rows > 3 * BASES.length) {
      throw new IllegalArgumentException("a tile of %d rows".formatted(rows));
    }
    this.vectorBytes = vectorBytes;
    this.rows = rows;
    this.lines = lines;
  }

  /// One step: reads {@link #panelBytes} of the panel and {@link #rowBytes} of each row.
  abstract void step();

  abstract int panelBytes();

  abstract int rowBytes();

  /// Fills registers with constants, before the loop.
  void constants() {}

  /// Sums that live in registers are cleared here.
  void clear() {
    for (int row = 0; row < rows; row++) {
      a.zero(sum(row, 0));
      a.zero(sum(row, 1));
    }
  }

  void load() {
    for (int row = 0; row < rows; row++) {
      a.vmovups(sum(row, 0), sumAt(row, 0));
      a.vmovups(sum(row, 1), sumAt(row, 1));
    }
  }

  void store() {
    for (int row = 0; row < rows; row++) {
      a.vmovups(sumAt(row, 0), sum(row, 0));
      a.vmovups(sumAt(row, 1), sum(row, 1));
    }
  }

  final Tile emit() {
    var resume = new Label();
    var loop = new Label();
    clear();
    a.jmp(loop);
    a.bind(resume);
    var resumeAt = a.position();
    load();
    a.bind(loop);
    for (int i = 1; i < bases(); i++) {
      a.lea(BASES[i], Mem.at(BASES[i - 1], STRIDE, 2, 0));
      a.add(BASES[i], STRIDE);
    }
    constants();

    var next = new Label();
    a.bind(next);
    step();
    ahead(1, 1);
    if (lines > 0) {
      a.add(AHEAD, 64 * lines);
    }
    for (int i = 0; i < bases(); i++) {
      a.add(BASES[i], rowBytes());
    }
    a.add(PANEL, panelBytes());
    a.sub(COUNT, 1);
    a.jnz(next);

    store();
    a.vzeroupper();
    a.ret();
    return new Tile(a.code(), 0, resumeAt);
  }

  /// Prefetches as much as is due when `done` of `all` parts of a step are written. Spread over the
  /// step, because a core has few places for lines on their way.
  final void ahead(int done, int all) {
    while (prefetched < lines * done / all) {
      a.prefetcht0(AHEAD.at(64 * prefetched));
      prefetched++;
    }
  }

  private int bases() {
    return (rows + 2) / 3;
  }

  /// The activations of `row`, `offset` bytes after this step's first.
  final Mem activation(int row, int offset) {
    var base = BASES[row / 3];
    return switch (row % 3) {
      case 0 -> base.at(offset);
      case 1 -> Mem.at(base, STRIDE, 1, offset);
      default -> Mem.at(base, STRIDE, 2, offset);
    };
  }

  final Mem sumAt(int row, int half) {
    return SUMS.at((2 * row + half) * vectorBytes);
  }

  /// The register of a sum: the first ones.
  final Vec sum(int row, int half) {
    return vec(2 * row + half);
  }

  final Vec vec(int number) {
    return new Vec(number, vectorBytes);
  }

  /// The `i`-th register from the last one downwards.
  final Vec last(int i) {
    return vec((vectorBytes == 64 ? 31 : 15) - i);
  }
}
