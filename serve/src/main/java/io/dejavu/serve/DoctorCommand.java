package io.dejavu.serve;

import io.dejavu.backend.cpu.CpuKernels;
import io.dejavu.local.CompiledLoops;
import io.dejavu.local.Figures;
import io.dejavu.local.FreeMemory;
import io.dejavu.model.Checkpoint;
import io.dejavu.model.CheckpointException;
import io.dejavu.serve.cli.ExitCode;
import io.dejavu.serve.cli.Installation;
import io.dejavu.serve.logging.LogLevel;
import java.io.IOException;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "doctor",
    description = {
      "Looks at this machine: what was found, how fast it is, what is missing and what to do.",
      "Ends with 0 if all that is needed is there, else with 1."
    },
    footerHeading = "%nExamples:%n",
    footer = "  dejavu doctor")
final class DoctorCommand implements Callable<Integer> {
  private static final List<String> INTERESTING =
      List.of(
          "avx2",
          "fma",
          "f16c",
          "avx_vnni",
          "avx512f",
          "avx512bw",
          "avx512_vnni",
          "avx512_bf16",
          "amx_bf16",
          "amx_int8",
          "asimd",
          "sve",
          "bf16",
          "i8mm");

  @Spec @Nullable CommandSpec spec;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads that are measured with. Default: one per CPU.")
  int threads = Runtime.getRuntime().availableProcessors();

  private boolean complete = true;

  @Override
  public Integer call() {
    LogLevel.set("WARN");
    if (spec == null) {
      throw new IllegalStateException("not run by the command line");
    }
    if (threads < 1) {
      throw new CommandLine.ParameterException(
          spec.commandLine(), "--threads is %d, must be at least 1".formatted(threads));
    }
    var out = spec.commandLine().getOut();
    java(out);
    processor(out);
    memory(out);
    graphics(out);
    models(out);
    out.println();
    out.println(
        complete ? "All that is needed is there." : "Something is missing: see the lines with !!");
    return (complete ? ExitCode.DONE : ExitCode.FAILED).code();
  }

  private void java(PrintWriter out) {
    var version = Runtime.version();
    check(
        out,
        version.feature() >= 25,
        "Java",
        "%s, %s".formatted(version, System.getProperty("java.vendor")),
        "install a JDK 25 or newer");
    check(
        out,
        ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent(),
        "vectors",
        "the Vector API is there",
        "start with --add-modules jdk.incubator.vector, as ./dejavu does");
    for (String name : List.of("io.dejavu.backend.cpu", "ai.djl.tokenizers")) {
      var onClassPath = DoctorCommand.class.getModule();
      check(
          out,
          ModuleLayer.boot().findModule(name).orElse(onClassPath).isNativeAccessEnabled(),
          "native",
          name + " may call native code",
          "start with --enable-native-access=" + name + ", as ./dejavu does");
    }
    var loops = CompiledLoops.problem();
    check(
        out,
        loops.isEmpty(),
        "compiler",
        "keeps all rounds of loops, with this garbage collector",
        loops.orElse(""));
    var flags =
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
            .filter(flag -> flag.startsWith("-X"))
            .toList();
    say(out, "flags", flags.isEmpty() ? "none" : String.join(" ", flags));
  }

  private void processor(PrintWriter out) {
    say(
        out,
        "CPU",
        "%s, %d for us; %s"
            .formatted(
                cpuInfo("model name"),
                Runtime.getRuntime().availableProcessors(),
                features().isEmpty() ? "features unknown" : String.join(" ", features())));
    say(out, "kernels", "weights of 4096 × 4096: bytes per second for one row, speed for 64 rows");
    for (String family : CpuKernels.families()) {
      for (var speed : KernelProbe.measure(family, threads)) {
        say(out, "", "%-10s %s".formatted(family, speed));
      }
    }
  }

  private void memory(PrintWriter out) {
    say(
        out,
        "memory",
        "%s free; heap of at most %s"
            .formatted(
                Figures.bytes(FreeMemory.bytes()),
                Figures.bytes(Runtime.getRuntime().maxMemory())));
    String pages = firstLine("/sys/kernel/mm/transparent_hugepage/enabled");
    say(
        out,
        "huge pages",
        pages.isEmpty()
            ? "unknown"
            : pages.contains("[never]")
                ? "off; large models gain some speed by: echo madvise >"
                    + " /sys/kernel/mm/transparent_hugepage/enabled"
                : pages);
  }

  private void graphics(PrintWriter out) {
    String driver = firstLine("/proc/driver/nvidia/version");
    say(out, "NVIDIA", driver.isEmpty() ? "none, and none is needed" : driver);
  }

  private void models(PrintWriter out) {
    try {
      var checkpoint = Checkpoint.of(Installation.model(null));
      say(out, "model", checkpoint.directory().normalize().toString());
      try (var tokenizer = checkpoint.openTokenizer()) {
        int[] ids = tokenizer.encode("To be, or not to be", false);
        boolean same = tokenizer.decode(ids, true).equals("To be, or not to be");
        check(
            out,
            same,
            "tokenizer",
            "the native library works",
            "it gave another text back; please report this");
      }
    } catch (CheckpointException e) {
      check(out, false, "model", "", String.valueOf(e.getMessage()));
    }
  }

  private void check(PrintWriter out, boolean good, String what, String found, String advice) {
    complete &= good;
    out.printf("%s %-11s %s%n", good ? "ok" : "!!", what, good ? found : advice);
    out.flush();
  }

  private static void say(PrintWriter out, String what, String found) {
    out.printf("   %-11s %s%n", what, found);
    out.flush();
  }

  private static Set<String> features() {
    String line = cpuInfo("flags");
    var all = Arrays.asList((line.isEmpty() ? cpuInfo("Features") : line).split("\\s+"));
    var known = new TreeSet<>(all);
    known.retainAll(INTERESTING);
    return known;
  }

  private static String cpuInfo(String key) {
    Path file = Path.of("/proc/cpuinfo");
    if (!Files.isReadable(file)) {
      return System.getProperty("os.arch", "unknown");
    }
    try {
      for (String line : Files.readAllLines(file)) {
        if (line.startsWith(key)) {
          return line.substring(line.indexOf(':') + 1).strip();
        }
      }
    } catch (IOException e) {
      return "unreadable: " + e.getMessage();
    }
    return "";
  }

  private static String firstLine(String file) {
    Path path = Path.of(file);
    if (!Files.isReadable(path)) {
      return "";
    }
    try {
      var lines = Files.readAllLines(path);
      return lines.isEmpty() ? "" : lines.getFirst();
    } catch (IOException e) {
      return "unreadable: " + e.getMessage();
    }
  }
}
