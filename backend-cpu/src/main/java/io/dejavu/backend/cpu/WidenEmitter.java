package io.dejavu.backend.cpu;

import io.dejavu.backend.cpu.Assembler.Label;
import io.dejavu.tensor.DType;

/// Writes the code that widens a piece of a panel of f16 or bf16 to a panel of f32, for tiles of
/// f32: where many tiles read the same weights, they are widened once.
///
/// | register | what                                              |
/// |----------|---------------------------------------------------|
/// | `rdi`    | panel, see {@link PanelLayout}                    |
/// | `rsi`    | where the widened one goes                        |
/// | `rdx`    | steps of the given panel, each two of the widened |
final class WidenEmitter {
  private static final int COLUMNS = 8;

  private WidenEmitter() {}

  static byte[] emit(DType weights, int vectorBytes) {
    var a = new Assembler();
    var x = new Vec(0, vectorBytes);
    var mask = new Vec(1, vectorBytes);
    a.ones(mask);
    a.vpslld(mask, mask, 16);
    var next = new Label();
    a.bind(next);
    for (int k = 0; k < COLUMNS; k++) {
      for (int half = 0; half < 2; half++) {
        if (weights == DType.F16) {
          a.vcvtph2ps(x, Reg.RDI.at((2 * k + half) * vectorBytes / 2));
        } else if (k % 2 == 0) { // a pair of columns in each lane, the first one below
          a.vmovups(x, Reg.RDI.at((k + half) * vectorBytes));
          a.vpslld(x, x, 16);
        } else {
          a.vpand(x, mask, Reg.RDI.at((k - 1 + half) * vectorBytes));
        }
        a.vmovups(Reg.RSI.at((2 * k + half) * vectorBytes), x);
      }
    }
    a.add(Reg.RDI, COLUMNS * vectorBytes);
    a.add(Reg.RSI, 2 * COLUMNS * vectorBytes);
    a.sub(Reg.RDX, 1);
    a.jnz(next);
    a.vzeroupper();
    a.ret();
    return a.code();
  }
}
