package io.dejavu.local;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class CompiledLoopsTest {
  @Test
  void testsRunAsThisIsMeantToRun() {
    assertThat(CompiledLoops.problem()).isEmpty();
  }

  @Test
  void withoutStripMiningItIsSaid() {
    assertThat(CompiledLoops.problem("0").orElseThrow()).contains("-XX:+UseG1GC");
    assertThat(CompiledLoops.problem("1000")).isEmpty();
  }
}
