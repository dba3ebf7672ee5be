package io.dejavu.hub;

import java.io.IOException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/// One model's folder in the hub's cache, laid out as Python's `huggingface_hub` does:
///
/// ```
/// .locks/models--ORG--NAME/ETAG.lock
/// models--ORG--NAME/
///   blobs/ETAG                            the bytes, under the name of their hash
///   blobs/ETAG.dejavu.incomplete          as far as they have come
///   refs/main                             the commit that this branch or tag was last
///   snapshots/COMMIT/config.json          -> ../../blobs/ETAG
///   snapshots/COMMIT/1_Pooling/config.json -> ../../../blobs/ETAG
///   .no_exist/COMMIT/chat_template.jinja  empty: that commit has no such file
/// ```
final class RepoCache {
  private static final System.Logger LOG = System.getLogger(RepoCache.class.getName());

  private final Path folder;
  private final Path locks;

  RepoCache(Path cache, HubName name) {
    String own = "models--" + name.repo().replace("/", "--");
    folder = cache.resolve(own);
    locks = cache.resolve(".locks").resolve(own);
  }

  Path folder() {
    return folder;
  }

  Path snapshot(String commit) {
    return folder.resolve("snapshots").resolve(commit);
  }

  Path blob(String etag) {
    return folder.resolve("blobs").resolve(etag);
  }

  /// Not the name that Python uses: it cannot see our locks, nor we its, and would append to it.
  Path incomplete(String etag) {
    return folder.resolve("blobs").resolve(etag + ".dejavu.incomplete");
  }

  /// What versions of `huggingface_hub` before 2 leave.
  Path pythonsIncomplete(String etag) {
    return folder.resolve("blobs").resolve(etag + ".incomplete");
  }

  Path lock(String etag) {
    return locks.resolve(etag + ".lock");
  }

  /// Makes the folders that are written to.
  void create() {
    try {
      Files.createDirectories(folder.resolve("blobs"));
      Files.createDirectories(locks);
    } catch (IOException e) {
      throw unwritable(folder, e);
    }
  }

  /// The commit that a revision is, or was when it was last fetched; null: never.
  @Nullable String commit(String revision) {
    if (HubName.isCommit(revision)) {
      return revision;
    }
    Path ref = folder.resolve("refs").resolve(revision);
    try {
      if (!Files.isRegularFile(ref) || Files.size(ref) > 100) {
        return null;
      }
      String commit = Files.readString(ref).strip();
      return HubName.isCommit(commit) ? commit : null;
    } catch (IOException e) {
      throw new HubException("%s cannot be read: %s".formatted(ref, e.getMessage()), e);
    }
  }

  boolean has(String commit, String file) {
    return Files.isRegularFile(snapshot(commit).resolve(file));
  }

  /// Whether it is known that the commit has no such file.
  boolean lacks(String commit, String file) {
    return Files.exists(folder.resolve(".no_exist").resolve(commit).resolve(file));
  }

  void remember(String revision, String commit) {
    if (revision.equals(commit) || commit.equals(commit(revision))) {
      return;
    }
    Path ref = folder.resolve("refs").resolve(revision);
    Path written = ref.resolveSibling(ref.getFileName() + "." + UUID.randomUUID() + ".tmp");
    try {
      Files.createDirectories(written.getParent());
      Files.writeString(written, commit);
      move(written, ref);
    } catch (IOException e) {
      unremembered(e);
    }
  }

  void rememberLack(String commit, String file) {
    Path mark = folder.resolve(".no_exist").resolve(commit).resolve(file);
    try {
      Files.createDirectories(mark.getParent());
      Files.createFile(mark);
    } catch (FileAlreadyExistsException _) {
      // Known before.
    } catch (IOException e) {
      unremembered(e);
    }
  }

  /// A cache may be shared and read-only: it serves all the same.
  private static void unremembered(IOException e) {
    LOG.log(System.Logger.Level.INFO, "not noted in the cache: {0}", e.toString());
  }

  /// Gives a blob its name in a snapshot: by a symbolic link, else a hard one, else a copy.
  void link(String commit, HubFile file) {
    Path pointer = snapshot(commit).resolve(file.name());
    try {
      if (Files.isRegularFile(pointer) && Files.size(pointer) == file.bytes()) {
        return;
      }
      Files.createDirectories(pointer.getParent());
      Path made =
          pointer.resolveSibling("." + pointer.getFileName() + "." + UUID.randomUUID() + ".tmp");
      try {
        link(made, blob(file.etag()));
        move(made, pointer);
      } finally {
        Files.deleteIfExists(made);
      }
    } catch (IOException e) {
      throw unwritable(pointer, e);
    }
  }

  private static void link(Path pointer, Path blob) throws IOException {
    try {
      Files.createSymbolicLink(
          pointer, pointer.resolve("..").normalize().relativize(blob.normalize()));
    } catch (UnsupportedOperationException | IOException _) {
      try {
        Files.createLink(pointer, blob.toRealPath());
      } catch (UnsupportedOperationException | IOException _) {
        Files.copy(blob, pointer, StandardCopyOption.REPLACE_EXISTING);
      }
    }
  }

  /// Whether the bytes are there, also behind a link, as newer versions of Python's lay them.
  boolean hasBlob(HubFile file) {
    Path blob = blob(file.etag());
    try {
      return Files.isRegularFile(blob) && Files.size(blob) == file.bytes();
    } catch (IOException e) {
      throw new HubException("%s cannot be read: %s".formatted(blob, e.getMessage()), e);
    }
  }

  static void move(Path from, Path to) throws IOException {
    try {
      Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
    } catch (AtomicMoveNotSupportedException _) {
      Files.move(from, to, StandardCopyOption.REPLACE_EXISTING);
    }
  }

  /// Length of a file, 0 if there is none.
  static long length(Path file) {
    try {
      return Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS) ? Files.size(file) : 0;
    } catch (IOException _) {
      return 0; // gone meanwhile
    }
  }

  static HubException unwritable(Path path, IOException e) {
    return new HubException(
        "%s cannot be written (%s); HF_HOME names another place for the cache"
            .formatted(path, e.getMessage()),
        e);
  }
}
