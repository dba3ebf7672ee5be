package io.dejavu.model;

import io.dejavu.tensor.Kernels;
import io.dejavu.tensor.PlainKernels;
import java.util.List;

/// The kernels that models are tested on.
final class Backends {
  static final List<String> NAMES = List.of("plain");

  private Backends() {}

  static Kernels open(String name) {
    return switch (name) {
      case "plain" -> new PlainKernels();
      default -> throw new IllegalArgumentException(name);
    };
  }
}
