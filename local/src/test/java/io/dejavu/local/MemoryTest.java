package io.dejavu.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.dejavu.model.Checkpoint;
import io.dejavu.model.Precision;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class MemoryTest {
  private static final long MIB = 1 << 20;

  @TempDir Path root;

  @BeforeEach
  void aMachineWith1000MebibytesAvailable() throws IOException {
    write("proc/meminfo", "MemTotal: 4096000 kB\nMemFree: 10 kB\nMemAvailable: 1024000 kB\n");
  }

  @Test
  void withoutGroupsTheMachineDecides() throws IOException {
    assertThat(FreeMemory.ofLinux(root)).isEqualTo(1000 * MIB);
  }

  @Test
  void cachedFilesOfAGroupAreFree() throws IOException {
    write("proc/self/cgroup", "0::/\n");
    write("sys/fs/cgroup/memory.max", 500 * MIB + "\n");
    write("sys/fs/cgroup/memory.current", 450 * MIB + "\n");
    write(
        "sys/fs/cgroup/memory.stat",
        "anon 1\nactive_file %d\ninactive_file %d\n".formatted(100 * MIB, 200 * MIB));

    assertThat(FreeMemory.ofLinux(root)).isEqualTo(350 * MIB);
  }

  @Test
  void theTightestOfNestedGroupsDecides() throws IOException {
    write("proc/self/cgroup", "0::/outer/inner\n");
    write("sys/fs/cgroup/outer/inner/memory.max", "max\n");
    write("sys/fs/cgroup/outer/memory.max", 300 * MIB + "\n");
    write("sys/fs/cgroup/outer/memory.current", 100 * MIB + "\n");
    write("sys/fs/cgroup/outer/memory.stat", "active_file 0\ninactive_file 0\n");

    assertThat(FreeMemory.ofLinux(root)).isEqualTo(200 * MIB);
  }

  @Test
  void groupsOfVersion1AreRead() throws IOException {
    write("proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/of/the/host\n");
    write("sys/fs/cgroup/memory/memory.limit_in_bytes", 400 * MIB + "\n");
    write("sys/fs/cgroup/memory/memory.usage_in_bytes", 400 * MIB + "\n");
    write(
        "sys/fs/cgroup/memory/memory.stat",
        "active_file 1\ntotal_inactive_file %d\ntotal_active_file 0\n".formatted(40 * MIB));

    assertThat(FreeMemory.ofLinux(root)).isEqualTo(40 * MIB);
  }

  @Test
  void aGroupWithoutLimitLeavesAllOfTheMachine() throws IOException {
    write("proc/self/cgroup", "4:memory:/\n0::/\n");
    write("sys/fs/cgroup/memory.max", "max\n");
    write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    write("sys/fs/cgroup/memory/memory.usage_in_bytes", "5\n");
    write("sys/fs/cgroup/memory/memory.stat", "total_inactive_file 7\ntotal_active_file 9\n");

    assertThat(FreeMemory.ofLinux(root)).isEqualTo(1000 * MIB);
  }

  @Test
  void thisMachineHasSomeToo() {
    assertThat(FreeMemory.bytes()).isPositive();
  }

  @Test
  void weightsAreEstimatedByTheirFormat() {
    var model = Checkpoint.of(Path.of("../models/shakespeare-opt-7m"));
    try (var weights = model.openWeights()) {
      long stored = WeightMemory.bytes(weights, Precision.AUTO);
      long bytes = WeightMemory.bytes(weights, Precision.parse("auto", "int8"));

      assertThat(stored).isBetween(12_000_000L, 16_000_000L);
      assertThat(bytes).isBetween(stored / 2, stored * 6 / 10);
    }
  }

  @Test
  void weightsThatDoNotFitSayWhatWould() {
    assertThatCode(() -> WeightMemory.check(MIB, MIB, "stored")).doesNotThrowAnyException();
    assertThatThrownBy(() -> WeightMemory.check(3 * MIB, MIB, "stored"))
        .isInstanceOf(WeightMemory.TooSmall.class)
        .hasMessageContaining("--weights int8 or int4");
    assertThatThrownBy(() -> WeightMemory.check(3 * MIB, MIB, "int4:32"))
        .hasMessageNotContaining("smaller");
  }

  private void write(String path, String text) throws IOException {
    var file = root.resolve(path);
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
  }
}
