package io.dejavu.backend.cpu;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;

class CallsTest {
  @Test
  void makesAllCallsInOrderThoughThereAreMoreThanFitTheList() {
    assumeFalse(CpuFeatures.ofThisMachine().names().isEmpty());
    var function = new Assembler();
    function.mov(Reg.RAX, Reg.RDI.at()); // previous result
    function.add(Reg.RAX, Reg.RAX);
    function.add(Reg.RAX, Reg.RSI);
    function.add(Reg.RAX, Reg.R9);
    function.mov(Reg.RDI.at(8), Reg.RAX);
    function.ret();
    var count = 1200;
    try (var memory = new CodeMemory();
        var arena = Arena.ofConfined()) {
      var results = arena.allocate(JAVA_LONG, count + 1);
      var list = arena.allocate(Calls.BYTES, 8).address();
      var calls = new Calls(memory.add(Calls.emitRunner()), list);
      var code = memory.add(function.code());

      for (int i = 0; i < count; i++) {
        calls.add(code, results.address() + 8L * i, i, 0, 0, 0, 7);
      }
      calls.run();
      calls.run(); // nothing is left

      for (int i = 0; i < count; i++) {
        assertThat(results.getAtIndex(JAVA_LONG, i + 1))
            .isEqualTo(2 * results.getAtIndex(JAVA_LONG, i) + i + 7);
      }
    }
  }
}
