package io.dejavu.backend.cpu;

import io.dejavu.backend.cpu.Assembler.Label;

/// Writes the code that carries the sums of one panel to the output: `out = sum`, `sum + bias`,
/// `out + sum` or `out + (sum + bias)`, for as many rows as asked.
///
/// | register | what                                    |
/// |----------|-----------------------------------------|
/// | `rdi`    | sums, f32 `[rows, 2 vectors]`           |
/// | `rsi`    | first output                            |
/// | `rdx`    | bytes from one row of outputs to the next |
/// | `rcx`    | rows, at least 1                        |
/// | `r8`     | bias, f32 `[2 vectors]`, if there is one |
/// | `r9`     | not used                                |
final class FinishEmitter {
  private FinishEmitter() {}

  static byte[] emit(int vectorBytes, boolean bias, boolean accumulate) {
    var a = new Assembler();
    var next = new Label();
    if (bias) {
      a.vmovups(new Vec(2, vectorBytes), Reg.R8.at());
      a.vmovups(new Vec(3, vectorBytes), Reg.R8.at(vectorBytes));
    }
    a.bind(next);
    for (int half = 0; half < 2; half++) {
      var sum = new Vec(half, vectorBytes);
      var out = Reg.RSI.at(half * vectorBytes);
      a.vmovups(sum, Reg.RDI.at(half * vectorBytes));
      if (bias) {
        a.vaddps(sum, sum, new Vec(2 + half, vectorBytes));
      }
      if (accumulate) {
        a.vaddps(sum, sum, out);
      }
      a.vmovups(out, sum);
    }
    a.add(Reg.RDI, 2 * vectorBytes);
    a.add(Reg.RSI, Reg.RDX);
    a.sub(Reg.RCX, 1);
    a.jnz(next);
    a.vzeroupper();
    a.ret();
    return a.code();
  }
}
