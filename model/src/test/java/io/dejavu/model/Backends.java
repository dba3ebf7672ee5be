package io.dejavu.model;

import io.dejavu.tensor.Kernels;
import io.dejavu.tensor.PlainKernels;
import java.util.List;

/// The kernels that models are tested on.
final class Backends {
  static final List<String> NAMES = List.of("plain");

  private Backends() {}

  static Kernels open(String name) {
    return open(name, 1);
  }

  static Kernels open(String name, int threads) {
    return switch (name) {
      case "plain" -> new PlainKernels();
      default -> throw new IllegalArgumentException(name);
    };
  }

  /// How many threads a backend can be told to use.
  static List<Integer> threads(String name) {
    return name.equals("plain") ? List.of(1) : List.of(1, 2, 3);
  }
}
