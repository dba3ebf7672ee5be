package io.dejavu.serve;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;

/// How much memory this process can still take without pushing others out.
final class FreeMemory {
  private static final Path MEMINFO = Path.of("/proc/meminfo");

  private FreeMemory() {}

  /// Free bytes of the machine, files that it caches included where the system says so (mapped
  /// weights are among them); inside a container at most what is left of its limit.
  static long bytes() {
    // Knows the container's limit, but counts cached files as used.
    var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    long unused = system.getFreeMemorySize();
    if (!Files.isReadable(MEMINFO)) {
      return unused;
    }
    try {
      var lines = Files.readAllLines(MEMINFO);
      boolean limited = system.getTotalMemorySize() < kibibytes(lines, "MemTotal:");
      return limited ? unused : kibibytes(lines, "MemAvailable:");
    } catch (IOException e) {
      System.getLogger(FreeMemory.class.getName())
          .log(System.Logger.Level.WARNING, "cannot read " + MEMINFO, e);
      return unused;
    }
  }

  private static long kibibytes(Iterable<String> lines, String name) {
    for (var line : lines) {
      if (line.startsWith(name)) {
        return Long.parseLong(line.substring(name.length()).replace("kB", "").trim()) << 10;
      }
    }
    return Long.MAX_VALUE;
  }
}
