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
import org.jspecify.annotations.Nullable;

/// The memory that a keeper holds: open files without a name. The name is gone before anybody
/// writes, so nothing is left behind whatever dies; the last process that has one open or mapped
/// gives the memory back.
///
/// Thread-safe.
final class Segments implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(Segments.class.getName());

  private static final ByteBuffer ZEROS = ByteBuffer.allocateDirect(1 << 20).asReadOnlyBuffer();

  /// Bytes that are made between two answers: seconds at the worst.
  private static final long STEP = 256 << 20;

  private final Path folder;
  private final String prefix;
  private final long step;
  private final Map<String, Held> held = new LinkedHashMap<>();

  /// @param maker the connection over which it is being made; null when it is complete
  private record Held(FileChannel file, Segment segment, @Nullable KeeperWire maker) {}

  /// @param folder of a file system in memory
  /// @param socket of this keeper, which tells its segments from another keeper's
  Segments(Path folder, Path socket) {
    this(folder, socket, STEP);
  }

  Segments(Path folder, Path socket, long step) {
    this.folder = folder;
    this.step = step;
    var crc = new CRC32();
    crc.update(socket.toAbsolutePath().toString().getBytes(StandardCharsets.UTF_8));
    prefix = "dejavu-%08x-".formatted(crc.getValue());
  }

  /// Begins to make memory, of which nothing is there yet.
  ///
  /// @param maker the connection with which it ends unless it was filled
  synchronized void hold(String name, long bytes, String owner, KeeperWire maker)
      throws IOException {
    var known = held.get(name);
    if (known != null) {
      throw new IOException("segment %s is %s's already".formatted(name, known.segment.owner()));
    }
    long free = Files.getFileStore(folder).getUsableSpace();
    if (bytes < 1 || bytes > free) {
      throw new IOException("a segment of %d bytes: %s has %d free".formatted(bytes, folder, free));
    }
    Path file = folder.resolve(prefix + name);
    // Of a keeper that died just here; there is no other of this socket.
    Files.deleteIfExists(file);
    var channel =
        FileChannel.open(
            file,
            Set.of(
                StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    try {
      var path = pathOf(file.toString());
      Files.delete(file);
      held.put(name, new Held(channel, new Segment(name, bytes, owner, path), maker));
    } catch (IOException | RuntimeException e) {
      channel.close();
      Files.deleteIfExists(file);
      throw e;
    }
  }

  /// Writes zeros to the next part of it, so that every page is allocated: where there is too
  /// little memory, this fails and frees it, and not, later, whoever writes to it. Nobody else
  /// waits meanwhile.
  ///
  /// @return null if there is more to fill
  @Nullable Segment fill(String name, KeeperWire maker) throws IOException {
    var making = made(name, maker);
    try {
      long end = Math.min(making.segment.bytes(), making.file.size() + step);
      for (long done = making.file.size(); done < end; ) {
        var zeros = ZEROS.duplicate();
        done += making.file.write(zeros.limit((int) Math.min(zeros.capacity(), end - done)), done);
      }
      return end == making.segment.bytes() ? complete(making) : null;
    } catch (IOException | RuntimeException e) {
      drop(making);
      throw e;
    }
  }

  private synchronized Held made(String name, KeeperWire maker) throws IOException {
    var one = held.get(name);
    if (one == null || one.maker != maker) {
      throw new IOException("segment %s is not being made".formatted(name));
    }
    return one;
  }

  private synchronized Segment complete(Held making) {
    held.put(making.segment.name(), new Held(making.file, making.segment, null));
    return making.segment;
  }

  /// Frees what was being made over a connection that has ended.
  synchronized void abandon(KeeperWire maker) throws IOException {
    for (var one : List.copyOf(held.values())) {
      if (one.maker == maker) {
        drop(one);
      }
    }
  }

  private synchronized void drop(Held one) throws IOException {
    held.remove(one.segment.name());
    one.file.close();
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
    if (one == null || one.maker != null) {
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
    held.put(name, new Held(before.file, now, null));
    return now;
  }

  synchronized void release(String name) throws IOException {
    drop(known(name));
  }

  /// Those that are complete.
  synchronized List<Segment> all() {
    return held.values().stream().filter(one -> one.maker == null).map(Held::segment).toList();
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
      held.put(name, new Held(channel, segment, null));
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
