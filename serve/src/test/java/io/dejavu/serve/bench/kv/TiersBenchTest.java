package io.dejavu.serve.bench.kv;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.serve.Dejavu;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class TiersBenchTest {
  @Test
  void whatIsBehindThePrefixCacheIsMeasuredInTurn(@TempDir Path directory) {
    var out = new StringWriter();
    var err = new StringWriter();
    var command = "bench kv tiers --prompt 70 --tokens 2 --prompts 4 --rounds 1 --disk ";

    int code =
        Dejavu.run(new PrintWriter(out), new PrintWriter(err), (command + directory).split(" "));

    assertThat(code).as(err.toString()).isZero();
    assertThat(out.toString().lines().filter(line -> line.matches("[a-z, ]+( +[0-9.]+ .*){4}%")))
        .hasSize(TiersBench.Mode.values().length);
    assertThat(directory).isEmptyDirectory();
  }
}
