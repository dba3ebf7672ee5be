package io.dejavu.bench;

import java.util.Locale;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/// Runs the kernels' benchmarks and prints a table with the machine's limits beside each figure.
/// `bench/README.md` says how.
public final class KernelReport {
  /// What share of one of its limits a kernel must reach. One that the JIT compiler gave up on is
  /// far below.
  private static final double FLOOR = 0.2;

  private KernelReport() {}

  /// @param arguments patterns of benchmark names, and `parameter=value,value` to run those values
  ///   only
  public static void main(String[] arguments) throws RunnerException {
    var options =
        new OptionsBuilder()
            .jvmArgsAppend(
                "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-XX:+UseCompactObjectHeaders",
                "-XX:+UseG1GC")
            .forks(1)
            .warmupIterations(10)
            .warmupTime(TimeValue.milliseconds(400))
            .measurementIterations(5)
            .measurementTime(TimeValue.milliseconds(400));
    for (var argument : arguments) {
      var equals = argument.indexOf('=');
      if (equals < 0) {
        options.include(argument);
      } else {
        options.param(argument.substring(0, equals), argument.substring(equals + 1).split(",", -1));
      }
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
    var low = 0;
    for (var result : results) {
      low += row(result, limits) ? 0 : 1;
    }
    if (low > 0) {
      print("%n%d below the floor of %.0f %% of a limit.%n", low, 100 * FLOOR);
      System.exit(1);
    }
  }

  /// @return whether it reaches the floor, or has none
  private static boolean row(RunResult result, Limits limits) {
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
      return true;
    }
    var ofPeak = flops / micros * 1e6 / limits.flopsPerSecond();
    var ofMemory = bytes / micros * 1e6 / limits.readBytesPerSecond();
    var enough = Math.max(ofPeak, ofMemory) >= FLOOR;
    print(
        " %.0f | %.0f %% | %.1f | %.0f %%%s |%n",
        flops / micros * 1e-3,
        100 * ofPeak,
        bytes / micros * 1e-3,
        100 * ofMemory,
        enough ? "" : " LOW");
    return enough;
  }

  private static void print(String format, Object... values) {
    System.out.printf(Locale.ROOT, format, values);
  }
}
