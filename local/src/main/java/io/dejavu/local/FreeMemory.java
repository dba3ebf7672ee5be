package io.dejavu.local;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// How much memory this process can still take without pushing others out.
///
/// On Linux that is `MemAvailable` of `/proc/meminfo`, and in control groups with a limit
/// (containers) at most what is left of it: there too, cached files count as free, among them
/// mapped weights. See the kernel's `admin-guide/cgroup-v2.rst` and `cgroup-v1/memory.rst`.
public final class FreeMemory {
  private static final System.Logger LOG = System.getLogger(FreeMemory.class.getName());

  private FreeMemory() {}

  /// Bytes.
  public static long bytes() {
    var root = Path.of("/");
    if (Files.isReadable(root.resolve("proc/meminfo"))) {
      try {
        return ofLinux(root);
      } catch (IOException | UncheckedIOException | NumberFormatException e) {
        LOG.log(System.Logger.Level.WARNING, "cannot tell how much memory is free", e);
      }
    }
    // Cached files count as used here, so there is more than it says.
    return Math.max(system().getFreeMemorySize(), total() / 4);
  }

  /// Bytes of the machine, or of the container.
  public static long total() {
    return system().getTotalMemorySize();
  }

  /// @param root of the file system
  static long ofLinux(Path root) throws IOException {
    var meminfo = Files.readAllLines(root.resolve("proc/meminfo"));
    long free = value(meminfo, "MemAvailable:") << 10;
    var groups = root.resolve("proc/self/cgroup");
    if (!Files.isReadable(groups)) {
      return free;
    }
    var mount = root.resolve("sys/fs/cgroup");
    // Lines are `0::/path` (version 2) and `4:memory:/path` (version 1).
    for (var line : Files.readAllLines(groups)) {
      var parts = line.split(":", 3);
      if (parts.length == 3 && parts[1].isEmpty()) {
        free = Math.min(free, left(mount, parts[2], "memory.max", "memory.current", "", free));
      } else if (parts.length == 3 && List.of(parts[1].split(",")).contains("memory")) {
        free =
            Math.min(
                free,
                left(
                    mount.resolve("memory"),
                    parts[2],
                    "memory.limit_in_bytes",
                    "memory.usage_in_bytes",
                    "total_",
                    free));
      }
    }
    return Math.max(0, free);
  }

  /// Of the limits of a group and of those around it, the least that is left. In a container the
  /// path may be the host's, and then only the mount itself is there.
  private static long left(
      Path mount, String path, String limitFile, String usedFile, String prefix, long most)
      throws IOException {
    long least = most;
    var group = mount.resolve(path.substring(1)).normalize();
    for (Path at = group; at != null && at.startsWith(mount); at = at.getParent()) {
      var limit = at.resolve(limitFile);
      if (Files.isReadable(limit)) {
        var text = Files.readString(limit).strip();
        if (!text.equals("max")) {
          var stat = Files.readAllLines(at.resolve("memory.stat"));
          long cached =
              value(stat, prefix + "inactive_file ") + value(stat, prefix + "active_file ");
          long used = Long.parseLong(Files.readString(at.resolve(usedFile)).strip());
          least = Math.min(least, Long.parseLong(text) - Math.max(0, used - cached));
        }
      }
    }
    return least;
  }

  private static long value(List<String> lines, String name) throws IOException {
    for (var line : lines) {
      if (line.startsWith(name)) {
        return Long.parseLong(line.substring(name.length()).replace("kB", "").strip());
      }
    }
    throw new IOException("no line '%s'".formatted(name));
  }

  private static OperatingSystemMXBean system() {
    return (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
  }
}
