package io.dejavu.backend.cpu;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/// The instruction sets of this machine's CPUs that the system lets programs use, by their Linux
/// names (`avx2`, `avx512_bf16`).
///
/// @param names what `/proc/cpuinfo` calls flags; empty on other systems and architectures
record CpuFeatures(Set<String> names) {
  private static final Path CPUINFO = Path.of("/proc/cpuinfo");

  /// Those of the first CPU; Linux offers programs only what all of them have.
  static CpuFeatures ofThisMachine() {
    if (!System.getProperty("os.arch").equals("amd64") || !Files.isReadable(CPUINFO)) {
      return new CpuFeatures(Set.of());
    }
    try (var lines = Files.lines(CPUINFO)) {
      return lines
          .filter(line -> line.startsWith("flags"))
          .findFirst()
          .map(CpuFeatures::parse)
          .orElse(new CpuFeatures(Set.of()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static CpuFeatures parse(String line) {
    var words = line.substring(line.indexOf(':') + 1).trim().split("\\s+");
    return new CpuFeatures(Set.copyOf(Arrays.asList(words)));
  }

  /// Those of `wanted` that this machine lacks, sorted.
  List<String> missing(Collection<String> wanted) {
    var missing = new TreeSet<>(wanted);
    missing.removeAll(names);
    return List.copyOf(missing);
  }
}
