package io.dejavu.serve.bench;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.dejavu.workload.ServerProbe;
import io.dejavu.workload.TargetConfig;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/// A server that is started in order to be measured, and ended afterwards: it and all processes
/// that it started, by their ids.
final class MeasuredServer implements AutoCloseable {
  private static final Duration POLL = Duration.ofMillis(100);
  private static final Duration GRACE = Duration.ofSeconds(15);
  private static final int LAST_LINES = 5;

  private final Process process;
  private final Path log;

  private MeasuredServer(Process process, Path log) {
    this.process = process;
    this.log = log;
  }

  /// Waits until it answers.
  ///
  /// @throws ServerProbe.Unreachable if it ends or does not answer in time, with the end of what it
  ///   wrote
  static MeasuredServer start(BenchArm arm, TargetConfig target)
      throws IOException, InterruptedException {
    var probe = new ServerProbe(target);
    if (probe.answers(arm.ready())) {
      throw new ServerProbe.Unreachable(
          "%s: something answers at %s already".formatted(arm.name(), target.base()), null);
    }
    Path log = Files.createTempFile("dejavu-bench-", ".log");
    var builder = new ProcessBuilder(arm.start()).redirectErrorStream(true);
    builder.redirectOutput(log.toFile()).redirectInput(ProcessBuilder.Redirect.from(nothing()));
    builder.environment().putAll(arm.environment());
    var server = new MeasuredServer(builder.start(), log);
    boolean ready = false;
    try {
      server.await(arm, probe);
      ready = true;
      return server;
    } finally {
      if (!ready) {
        server.close();
      }
    }
  }

  private static File nothing() {
    return Path.of(System.getProperty("os.name", "").startsWith("Windows") ? "NUL" : "/dev/null")
        .toFile();
  }

  private void await(BenchArm arm, ServerProbe probe) throws IOException, InterruptedException {
    long end = System.nanoTime() + arm.patience().toNanos();
    while (!probe.answers(arm.ready())) {
      if (!process.isAlive()) {
        throw new ServerProbe.Unreachable(
            "%s ended with %d: %s".formatted(arm.name(), process.exitValue(), lastLines()), null);
      }
      if (System.nanoTime() - end > 0) {
        throw new ServerProbe.Unreachable(
            "%s does not answer %s after %d s: %s"
                .formatted(arm.name(), arm.ready(), arm.patience().toSeconds(), lastLines()),
            null);
      }
      Thread.sleep(POLL);
    }
  }

  private String lastLines() throws IOException {
    List<String> lines;
    try (var all = Files.lines(log, ISO_8859_1)) {
      lines = all.toList();
    }
    return String.join("; ", lines.subList(Math.max(0, lines.size() - LAST_LINES), lines.size()));
  }

  @Override
  public void close() throws IOException {
    var children = process.descendants().toList();
    process.destroy();
    try {
      if (!process.waitFor(GRACE.toMillis(), TimeUnit.MILLISECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
    children.forEach(ProcessHandle::destroyForcibly);
    Files.deleteIfExists(log);
  }
}
