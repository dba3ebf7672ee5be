package io.dejavu.serve.bench.kv.survive;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.serve.Dejavu;
import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;

/// Real processes, really killed: three, or as many as `-Dkills=200` says.
class SurviveTest {
  private static final int KILLS = Integer.getInteger("kills", 3);

  @Test
  void whoeverIsKilledAnotherGoesOnInItsMemoryWithTheSameTokens() {
    var out = new StringWriter();
    var err = new StringWriter();

    int code =
        Dejavu.run(
            new PrintWriter(out),
            new PrintWriter(err),
            "bench",
            "kv",
            "survive",
            "--kills",
            Integer.toString(KILLS),
            "--within",
            "150",
            "--warm-up",
            "0.3",
            "--threads",
            "1",
            "--concurrency",
            "5");

    assertThat(code).as("%s%n%s", out, err).isZero();
    assertThat(out.toString())
        .contains("wrong tokens or ends: 0; prompt tokens computed again: 0;", "left behind: 0");
  }
}
