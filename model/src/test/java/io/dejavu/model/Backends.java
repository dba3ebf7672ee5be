package io.dejavu.model;

import io.dejavu.backend.cpu.CpuKernels;
import io.dejavu.tensor.Kernels;
import io.dejavu.tensor.PlainKernels;
import io.dejavu.testkit.FakeKernels;
import java.util.List;
import java.util.stream.Stream;

/// The kernels that models are tested on.
final class Backends {
  /// Every family of the CPU's, and the kernels' definition.
  static final List<String> NAMES =
      Stream.concat(Stream.of("plain"), CpuKernels.families().stream()).toList();

  private Backends() {}

  static Kernels open(String name) {
    return open(name, 2);
  }

  static Kernels open(String name, int threads) {
    return switch (name) {
      case "plain" -> new PlainKernels();
      case "fake" -> new FakeKernels();
      default -> CpuKernels.open(name, threads);
    };
  }

  /// One of the CPU's, always the same.
  static Kernels cpu() {
    return CpuKernels.open(CpuKernels.families().getFirst(), 2);
  }

  /// How many threads a backend can be told to use.
  static List<Integer> threads(String name) {
    return name.equals("plain") ? List.of(1) : List.of(1, 2, 3);
  }
}
