package io.dejavu.model;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// Which files of a model's directory may be read: regular files inside of it, by plain names.
///
/// A checkpoint is somebody else's; a name in it (`../../etc/passwd`) or a symbolic link must not
/// make us read anything else. Links may point to files in the same directory and, as Hugging
/// Face's cache is made of them, from `…/MODEL/snapshots/REVISION/` to `…/MODEL/blobs/` and
/// `…/blobs/`. The directory itself may be a link: whoever starts us chose it.
final class CheckpointDirectory {
  private final Path path;
  private final Path real;

  private CheckpointDirectory(Path path, Path real) {
    this.path = path;
    this.real = real;
  }

  static CheckpointDirectory of(Path path) {
    if (!Files.exists(path)) {
      throw new CheckpointException(
          path, "no such directory; a model is a directory with config.json and model.safetensors");
    }
    if (!Files.isDirectory(path)) {
      throw new CheckpointException(
          path, "is a file; a model is a directory with config.json and model.safetensors");
    }
    try {
      return new CheckpointDirectory(path, path.toRealPath());
    } catch (IOException e) {
      throw new CheckpointException(path, "cannot be opened: " + e.getMessage(), e);
    }
  }

  Path path() {
    return path;
  }

  /// The file called `name`, or null if there is none.
  @Nullable Path find(String name) {
    var file = resolve(name);
    if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
      return null;
    }
    if (!Files.isRegularFile(file)) {
      throw new CheckpointException(file, "is not a file, or a link to one that is not there");
    }
    var target = target(file);
    if (!target.startsWith(real) && !blobs(target)) {
      throw new CheckpointException(
          file,
          "is a link to %s, outside the model's directory; copy the file there".formatted(target));
    }
    return file;
  }

  /// The file called `name`, whose absence is an error.
  Path require(String name) {
    var file = find(name);
    if (file == null) {
      throw new CheckpointException(path, "has no " + name);
    }
    return file;
  }

  private Path resolve(String name) {
    boolean plain =
        !name.isEmpty()
            && !name.equals(".")
            && !name.equals("..")
            && name.chars().noneMatch(c -> c == '/' || c == '\\' || c == ':' || c < ' ');
    try {
      if (plain) {
        return path.resolve(name);
      }
    } catch (InvalidPathException _) {
      // Not plain either.
    }
    throw new CheckpointException(
        path, "refers to \"%s\", which is not the plain name of a file in it".formatted(name));
  }

  private static Path target(Path file) {
    try {
      return file.toRealPath();
    } catch (IOException e) {
      throw new CheckpointException(file, "cannot be opened: " + e.getMessage(), e);
    }
  }

  private boolean blobs(Path target) {
    var snapshots = real.getParent();
    if (snapshots == null || !snapshots.endsWith("snapshots") || snapshots.getParent() == null) {
      return false;
    }
    // The second: newer caches share large files between models.
    return target.startsWith(snapshots.resolveSibling("blobs"))
        || target.startsWith(snapshots.getParent().resolveSibling("blobs"));
  }
}
