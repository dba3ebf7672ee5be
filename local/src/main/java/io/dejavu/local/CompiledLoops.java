package io.dejavu.local;

import com.sun.management.HotSpotDiagnosticMXBean;
import java.lang.management.ManagementFactory;
import java.util.Optional;

/// Whether this JVM computes what the loops of a program say. Where its compiler does no *loop
/// strip mining*, which the serial and the parallel collector switch off, that of JDK 25 may lose
/// the last round of a loop that counts in memory: seen in 25.0.3, `docs/adr/0016-collector.md` has
/// a program that shows it. The JVM takes the serial collector by itself on a machine with one
/// processor.
public final class CompiledLoops {
  private static final String OPTION = "LoopStripMiningIter";

  private CompiledLoops() {}

  /// What is wrong, and what to do; empty if nothing is known to be.
  public static Optional<String> problem() {
    var machine = ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
    try {
      return problem(machine == null ? "" : machine.getVMOption(OPTION).getValue());
    } catch (IllegalArgumentException _) {
      return Optional.empty(); // another compiler, which has no such option
    }
  }

  static Optional<String> problem(String rounds) {
    return rounds.equals("0")
        ? Optional.of(
            "with this garbage collector Java's compiler may lose rounds of loops, and results be"
                + " wrong; start it with -XX:+UseG1GC")
        : Optional.empty();
  }
}
