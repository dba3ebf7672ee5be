package io.dejavu.backend.cpu;

import io.dejavu.tensor.Kernels;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;

/// Opens the kernels of this machine's CPUs.
public final class CpuKernels {
  /// The family that is chosen when none is named.
  public static final String AUTO = "auto";

  private static final System.Logger LOG = System.getLogger(CpuKernels.class.getName());

  private CpuKernels() {}

  /// Measured once, when first asked for.
  private static final class Race {
    static final List<FamilyRace.Result> RESULTS = run();

    private static List<FamilyRace.Result> run() {
      try {
        return FamilyRace.run(CpuFeatures.ofThisMachine());
      } catch (UnsupportedOperationException e) {
        LOG.log(System.Logger.Level.WARNING, "Only pure Java kernels, which are slower", e);
        return List.of();
      }
    }
  }

  /// The families that this CPU can run, the fastest first by a short measurement. They differ in
  /// their matrix products; within one, results are the same to the bit.
  public static List<String> families() {
    var names = new ArrayList<String>();
    for (var result : Race.RESULTS) {
      names.add(result.family().label());
    }
    names.add(JavaProducts.NAME);
    return names;
  }

  /// Kernels of a family, such as `java`, or of the fastest one.
  ///
  /// @param family one of {@link #families} or {@link #AUTO}
  /// @param threads that compute, the caller among them
  /// @throws IllegalArgumentException naming the families there are, if this one cannot run here
  /// @throws IllegalStateException if the JVM was started without the Vector API
  public static Kernels open(String family, int threads) {
    if (ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()) { // on the class path
      throw new IllegalStateException(
          "the Vector API is missing: start Java with --add-modules jdk.incubator.vector");
    }
    var name = family.equals(AUTO) ? fastest() : family;
    if (name.equals(JavaProducts.NAME)) {
      return open(threads, JavaProducts::new);
    }
    var chosen = KernelFamily.named(name);
    if (chosen.isEmpty()) {
      throw new IllegalArgumentException(
          "no kernels '%s' on this CPU; there are %s".formatted(family, families()));
    }
    try {
      chosen.get().require(CpuFeatures.ofThisMachine());
      return open(threads, workers -> new CodeProducts(chosen.get(), workers));
    } catch (UnsupportedOperationException e) {
      throw new IllegalArgumentException(
          "%s; this one runs %s".formatted(e.getMessage(), String.join(", ", families())), e);
    }
  }

  private static Kernels open(int threads, Function<Workers, MatrixProducts> products) {
    var workers = new Workers(threads);
    boolean complete = false;
    try {
      var kernels = new VectorKernels(workers, products.apply(workers));
      complete = true;
      return kernels;
    } finally {
      if (!complete) {
        workers.close();
      }
    }
  }

  private static String fastest() {
    var name = families().getFirst();
    LOG.log(
        System.Logger.Level.INFO,
        "kernels {0} (products per ns and thread, bf16 and int8: {1})",
        name,
        Race.RESULTS.stream()
            .map(r -> "%s %.0f and %.0f".formatted(r.family().label(), r.bf16(), r.int8()))
            .collect(Collectors.joining(", ")));
    return name;
  }
}
