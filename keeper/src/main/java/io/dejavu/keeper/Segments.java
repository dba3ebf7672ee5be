package io.dejavu.keeper;

import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.zip.CRC32;

/// The memory that a keeper holds: open files without a name. The name is gone before anybody
/// writes, so nothing is left behind whatever dies; the last process that has one open or mapped
/// gives the memory back.
///
/// Thread-safe.
final class Segments implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(Segments.class.getName());
  private static final int CHUNK = 1 << 20;

  private final Path folder;
  private final String prefix;
  private final Map<String, Held> held = new LinkedHashMap<>();

  private record Held(FileChannel file, Segment segment) {}

  /// @param folder of a file system in memory
  /// @param socket of this keeper, which tells its segments from another keeper's
  Segments(Path folder, Path socket) {
    this.folder = folder;
    var crc = new CRC32();
    crc.update(socket.toAbsolutePath().toString().getBytes(StandardCharsets.UTF_8));
    prefix = "dejavu-%08x-".formatted(crc.getValue());
  }

  /// Makes memory, zeroed, of which every page is allocated: where there is too little, this fails
  /// and not, later, whoever writes to it.
  synchronized Segment hold(String name, long bytes, String owner) throws IOException {
    var known = held.get(name);
    if (known != null) {
      throw new IOException("segment %s is %s's already".formatted(name, known.segment.owner()));
    }
    long free = Files.getFileStore(folder).getUsableSpace();
    if (bytes < 1 || bytes > free) {
      throw new IOException("a segment of %d bytes: %s has %d free".formatted(bytes, folder, free));
    }
    Path file = folder.resolve(prefix + name);
    var channel =
        FileChannel.open(
            file,
            Set.of(
                StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    try {
      var path = pathOf(file.toString());
      Files.delete(file);
      allocate(channel, bytes);
      var segment = new Segment(name, bytes, owner, path);
      held.put(name, new Held(channel, segment));
      return segment;
    } catch (IOException | RuntimeException e) {
      channel.close();
      Files.deleteIfExists(file);
      throw e;
    }
  }

  private static void allocate(FileChannel channel, long bytes) throws IOException {
    var zeros = ByteBuffer.allocateDirect(CHUNK);
    for (long done = 0; done < bytes; ) {
      zeros.clear().limit((int) Math.min(CHUNK, bytes - done));
      done += channel.write(zeros, done);
    }
  }

  /// Under which path others can open what this process has open.
  private static String pathOf(String target) throws IOException {
    try (var open = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
      for (Path descriptor : open) {
        if (target.equals(linkOf(descriptor))) {
          return "/proc/%d/fd/%s"
              .formatted(ProcessHandle.current().pid(), descriptor.getFileName());
        }
      }
    }
    throw new IOException("%s is not among this process's descriptors".formatted(target));
  }

  /// Empty if it is gone or another's.
  private static String linkOf(Path descriptor) throws IOException {
    try {
      return Files.readSymbolicLink(descriptor).toString();
    } catch (NoSuchFileException | AccessDeniedException _) {
      return "";
    }
  }

  private Held known(String name) throws IOException {
    var one = held.get(name);
    if (one == null) {
      throw new IOException("no segment " + name);
    }
    return one;
  }

  synchronized Segment get(String name) throws IOException {
    return known(name).segment;
  }

  synchronized Segment giveTo(String name, String owner) throws IOException {
    var before = known(name);
    var now = new Segment(name, before.segment.bytes(), owner, before.segment.path());
    held.put(name, new Held(before.file, now));
    return now;
  }

  synchronized void release(String name) throws IOException {
    var one = known(name);
    held.remove(name);
    one.file.close();
  }

  synchronized List<Segment> all() {
    return held.values().stream().map(Held::segment).toList();
  }

  /// Opens what a keeper of the same socket held before it died and what processes of the same user
  /// still have open.
  synchronized void collect() throws IOException {
    try (var processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
      for (Path process : processes) {
        try (var open = Files.newDirectoryStream(process.resolve("fd"))) {
          collect(open);
        } catch (IOException | DirectoryIteratorException e) {
          // It has exited meanwhile, or is another user's.
          LOG.log(Level.DEBUG, "%s is not looked into".formatted(process), e);
        }
      }
    }
  }

  private void collect(DirectoryStream<Path> open) throws IOException {
    String begin = folder.resolve(prefix).toString();
    String end = " (deleted)";
    for (Path descriptor : open) {
      String target = linkOf(descriptor);
      if (!target.startsWith(begin) || !target.endsWith(end)) {
        continue;
      }
      String name = target.substring(begin.length(), target.length() - end.length());
      if (held.containsKey(name)) {
        continue;
      }
      var channel = FileChannel.open(descriptor, StandardOpenOption.READ, StandardOpenOption.WRITE);
      var segment = new Segment(name, channel.size(), "", pathOf(target));
      held.put(name, new Held(channel, segment));
      LOG.log(Level.INFO, "segment {0} of {1} bytes is held again", name, channel.size());
    }
  }

  @Override
  public synchronized void close() throws IOException {
    for (var one : held.values()) {
      one.file.close();
    }
    held.clear();
  }
}
