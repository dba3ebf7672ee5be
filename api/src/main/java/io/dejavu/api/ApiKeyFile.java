package io.dejavu.api;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/// The API keys of a file, read again when it has changed: whoever asks for them looks, at most
/// once a second. A file that cannot be read, or is not a list of keys, changes nothing. Threads
/// may share it.
public final class ApiKeyFile implements Supplier<ApiKeys> {
  private static final System.Logger LOG = System.getLogger(ApiKeyFile.class.getName());
  private static final Duration LOOK = Duration.ofSeconds(1);

  private final Path file;
  private final InstantSource clock;
  private final ReentrantLock looking = new ReentrantLock();
  private volatile ApiKeys keys;
  private volatile Instant looked;
  private Version version; // guarded by looking

  /// What tells that a file was written again.
  private record Version(FileTime modified, long bytes, String key) {
    static final Version NONE = new Version(FileTime.fromMillis(0), -1, "");
  }

  private ApiKeyFile(Path file, InstantSource clock, Version version, ApiKeys keys) {
    this.file = file;
    this.clock = clock;
    this.version = version;
    this.keys = keys;
    this.looked = clock.instant();
  }

  /// @throws IllegalArgumentException if the file cannot be read or is not a list of keys
  public static ApiKeyFile open(Path file, InstantSource clock) {
    try {
      var version = version(file); // before it is read: a write meanwhile is noticed later
      return new ApiKeyFile(file, clock, version, read(file));
    } catch (IOException e) {
      throw new IllegalArgumentException(problem(file, e), e);
    }
  }

  @Override
  public ApiKeys get() {
    if (clock.instant().isAfter(looked.plus(LOOK)) && looking.tryLock()) {
      try {
        looked = clock.instant();
        look();
      } finally {
        looking.unlock();
      }
    }
    return keys;
  }

  private void look() {
    var before = version;
    try {
      version = version(file);
      if (version.equals(before)) {
        return;
      }
      keys = read(file);
      LOG.log(INFO, "{0} has changed: {1} now", file, keys);
    } catch (IOException e) {
      version = Version.NONE;
      warnOnce(before, problem(file, e));
    } catch (IllegalArgumentException e) {
      warnOnce(before, String.valueOf(e.getMessage()));
    }
  }

  private void warnOnce(Version before, String problem) {
    if (!version.equals(before)) {
      LOG.log(WARNING, "{0}; the keys known before stay", problem);
    }
  }

  private static Version version(Path file) throws IOException {
    var attributes = Files.readAttributes(file, BasicFileAttributes.class);
    return new Version(
        attributes.lastModifiedTime(), attributes.size(), String.valueOf(attributes.fileKey()));
  }

  private static ApiKeys read(Path file) throws IOException {
    return ApiKeys.parse(Files.readString(file), file.toString());
  }

  private static String problem(Path file, IOException e) {
    return switch (e) {
      case NoSuchFileException _ -> file + " does not exist";
      case CharacterCodingException _ -> file + " is not text in UTF-8";
      default -> "%s cannot be read: %s".formatted(file, e);
    };
  }
}
