package io.dejavu.keeper;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Where a keeper is found: a socket, and beside it a file that the keeper has locked while it
/// lives, so that of all that start at the same place one serves. The lock goes with the process,
/// however that ends; its file stays, because whoever deleted it could delete it under another.
final class KeeperSocket implements AutoCloseable {
  private final Path path;
  private final FileChannel lock;
  private final ServerSocketChannel server;
  private final @Nullable Object key;

  private KeeperSocket(
      Path path, FileChannel lock, ServerSocketChannel server, @Nullable Object key) {
    this.path = path;
    this.lock = lock;
    this.server = server;
    this.key = key;
  }

  /// @throws IllegalStateException if another keeper serves it
  static KeeperSocket open(Path path) throws IOException {
    var lock = lock(path);
    try {
      // Nobody else may connect, not even before its permissions are set.
      var unnamed = path.resolveSibling(path.getFileName() + ".new");
      Files.deleteIfExists(unnamed);
      var server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
      try {
        server.bind(UnixDomainSocketAddress.of(unnamed));
        Files.setPosixFilePermissions(unnamed, PosixFilePermissions.fromString("rw-------"));
        var key = key(unnamed);
        Files.move(unnamed, path, StandardCopyOption.ATOMIC_MOVE);
        return new KeeperSocket(path, lock, server, key);
      } catch (IOException | RuntimeException e) {
        server.close();
        throw e;
      }
    } catch (IOException | RuntimeException e) {
      lock.close();
      throw e;
    }
  }

  /// The file beside a socket that its keeper has locked.
  static Path lockOf(Path socket) {
    return socket.resolveSibling(socket.getFileName() + ".lock");
  }

  private static FileChannel lock(Path socket) throws IOException {
    var file =
        FileChannel.open(
            lockOf(socket),
            Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    boolean locked = false;
    try {
      locked = file.tryLock() != null;
    } catch (OverlappingFileLockException _) {
      // It is this process's already.
    } finally {
      if (!locked) {
        file.close();
      }
    }
    if (!locked) {
      throw new IllegalStateException("a keeper serves %s already".formatted(socket));
    }
    return file;
  }

  /// What tells a file from another of the same name; null if there is none.
  private static @Nullable Object key(Path file) throws IOException {
    try {
      return Files.readAttributes(file, BasicFileAttributes.class).fileKey();
    } catch (NoSuchFileException _) {
      return null;
    }
  }

  SocketChannel accept() throws IOException {
    return server.accept();
  }

  boolean isOpen() {
    return server.isOpen();
  }

  /// Deletes the socket, unless somebody else's has its name by now.
  @Override
  public void close() throws IOException {
    try (lock;
        server) {
      if (key != null && key.equals(key(path))) {
        Files.deleteIfExists(path);
      }
    }
  }
}
