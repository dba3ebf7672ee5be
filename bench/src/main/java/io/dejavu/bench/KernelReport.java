package io.dejavu.bench;

import java.util.Locale;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/// Runs the kernels' benchmarks and prints a table with the machine's limits beside each figure.
/// Arguments are JMH patterns of the benchmarks to run; none: all. `bench/README.md` says how.
public final class KernelReport {
  private KernelReport() {}

  /// @param patterns of benchmark names
  public static void main(String[] patterns) throws RunnerException {
    var options =
        new OptionsBuilder()
            .jvmArgsAppend(
                "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-XX:+UseCompactObjectHeaders")
            .forks(1)
            .warmupIterations(3)
            .warmupTime(TimeValue.milliseconds(400))
            .measurementIterations(5)
            .measurementTime(TimeValue.milliseconds(400));
    if (patterns.length == 0) {
      options.include("io.dejavu.bench.");
    }
    for (var pattern : patterns) {
      options.include(pattern);
    }
    var results = new Runner(options.build()).run();
    var limits = Limits.measure();
    print(
        "%n%d threads; limits here: reading %.1f GB/s, f32 multiply-add %.0f GFLOP/s%n%n",
        Runtime.getRuntime().availableProcessors(),
        limits.readBytesPerSecond() * 1e-9,
        limits.flopsPerSecond() * 1e-9);
    print("| kernel | parameters | µs | ± | GFLOP/s | of f32 peak | GB/s | of DRAM |%n");
    print("|---|---|--:|--:|--:|--:|--:|--:|%n");
    for (var result : results) {
      row(result, limits);
    }
  }

  private static void row(RunResult result, Limits limits) {
    var parameters = result.getParams();
    var names = new StringBuilder();
    for (var key : parameters.getParamsKeys()) {
      names.append(key).append(' ').append(parameters.getParam(key)).append(' ');
    }
    var micros = result.getPrimaryResult().getScore();
    var name = result.getPrimaryResult().getLabel();
    var flops = 0.0;
    var bytes = 0.0;
    if (name.equals("linear")) {
      var rows = Integer.parseInt(parameters.getParam("rows"));
      var weights = (double) LinearBenchmark.OUTPUTS * LinearBenchmark.INPUTS;
      var format = LinearBenchmark.formatNamed(parameters.getParam("format"));
      var scales = format.group() == 0 ? 0 : 16.0 / format.group();
      flops = 2 * weights * rows;
      bytes = weights * (format.weights().bits() + scales) / 8;
    } else if (name.equals("attention")) {
      var shape = parameters.getParam("shape");
      double tokens = AttentionBenchmark.tokens(shape);
      double context = AttentionBenchmark.context(shape);
      var seen = tokens * (context - (tokens - 1) / 2);
      flops = 4 * seen * AttentionBenchmark.HEADS * AttentionBenchmark.HEAD_SIZE;
      var element = parameters.getParam("type").equals("F32") ? 4 : 2;
      bytes = 2 * context * AttentionBenchmark.KV_HEADS * AttentionBenchmark.HEAD_SIZE * element;
    }
    print(
        "| %s | %s| %.1f | %.1f |", name, names, micros, result.getPrimaryResult().getScoreError());
    if (flops == 0) {
      print(" | | | |%n");
      return;
    }
    var flopRate = flops / micros * 1e6;
    var byteRate = bytes / micros * 1e6;
    print(
        " %.0f | %.0f %% | %.1f | %.0f %% |%n",
        flopRate * 1e-9,
        100 * flopRate / limits.flopsPerSecond(),
        byteRate * 1e-9,
        100 * byteRate / limits.readBytesPerSecond());
  }

  private static void print(String format, Object... values) {
    System.out.printf(Locale.ROOT, format, values);
  }
}
