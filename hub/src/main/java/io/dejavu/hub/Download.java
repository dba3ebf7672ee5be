package io.dejavu.hub;

import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// Fetches one blob: goes on where an earlier attempt, or process, ended, checks the hash, and
/// moves it into place whole.
final class Download {
  private static final System.Logger LOG = System.getLogger(Download.class.getName());

  /// How often wrong bytes are fetched again.
  private static final int MOST_WRONG = 3;

  /// Fewer bytes than that are no progress, after which failures are counted anew.
  private static final long PROGRESS_BYTES = 64 << 10;

  /// A file that was not written to for so long belongs to nobody: Python gives up after seconds.
  private static final Duration LEFT = Duration.ofMinutes(10);

  private static final Pattern RANGE = Pattern.compile("bytes (\\d+)-\\d+/(\\d+|\\*)");

  private final HubConfig config;
  private final HubHttp http;
  private final RepoCache cache;
  private final HubName name;
  private final HubFile file;
  private final PullProgress progress;
  private final Pauses pauses;

  /// Names the content at the server that sent the beginning; null: not known.
  private @Nullable String validator;

  Download(
      HubConfig config,
      HubHttp http,
      RepoCache cache,
      HubName name,
      HubFile file,
      PullProgress progress) {
    this.config = config;
    this.http = http;
    this.cache = cache;
    this.name = name;
    this.file = file;
    this.progress = progress;
    this.pauses = new Pauses(config, config.attempts());
  }

  /// Bytes that are there before it begins.
  static long present(RepoCache cache, HubFile file) {
    long own = RepoCache.length(cache.incomplete(file.etag()));
    long other = RepoCache.length(cache.pythonsIncomplete(file.etag()));
    long begun = own > 0 ? own : other;
    return begun > file.bytes() ? 0 : begun;
  }

  /// @param uri of the hub
  /// @param counted bytes that were counted as present
  void run(URI uri, long counted) throws InterruptedException {
    Path incomplete = cache.incomplete(file.etag());
    try (var _ =
        BlobLock.take(cache.lock(file.etag()), incomplete, config.silence().multipliedBy(10))) {
      if (cache.hasBlob(file)) {
        progress.fetched(file.bytes() - counted); // by another process
        return;
      }
      adopt(incomplete);
      try (var partial = PartialBlob.open(incomplete, file)) {
        progress.fetched(partial.length() - counted);
        fetch(uri, partial);
      }
      RepoCache.move(incomplete, cache.blob(file.etag()));
    } catch (ClosedByInterruptException e) {
      throw (InterruptedException) new InterruptedException(file.name()).initCause(e);
    } catch (NoSuchFileException e) {
      if (!cache.hasBlob(file)) {
        throw RepoCache.unwritable(incomplete, e);
      } // else another process moved it, where locks are not kept
    } catch (IOException e) {
      throw RepoCache.unwritable(incomplete, e);
    }
  }

  /// Goes on with what an older Python left: by a copy, if it may still be writing.
  private void adopt(Path incomplete) throws IOException {
    Path left = cache.pythonsIncomplete(file.etag());
    if (Files.exists(incomplete) || RepoCache.length(left) == 0) {
      return;
    }
    try {
      if (Files.getLastModifiedTime(left).toInstant().isBefore(Instant.now().minus(LEFT))) {
        RepoCache.move(left, incomplete);
      } else {
        Files.copy(left, incomplete, StandardCopyOption.REPLACE_EXISTING);
      }
    } catch (NoSuchFileException e) {
      LOG.log(System.Logger.Level.DEBUG, "{0} is complete meanwhile", e.getMessage());
    }
  }

  /// Until the bytes are right.
  private void fetch(URI uri, PartialBlob partial) throws IOException, InterruptedException {
    int wrong = 0;
    while (true) {
      try {
        if (!partial.isWhole()) {
          receive(uri, partial);
        }
        String problem = partial.problem();
        if (problem == null) {
          return;
        }
        clear(partial);
        wrong++;
        if (wrong == MOST_WRONG) {
          Files.deleteIfExists(partial.path());
          throw new HubException(
              "%s/%s was fetched %d times, and is damaged each time: %s"
                  .formatted(name, file.name(), wrong, problem));
        }
        LOG.log(System.Logger.Level.WARNING, "{0}; fetching it again", problem);
      } catch (HubException.Passing e) {
        pauses.after(e);
      }
    }
  }

  private void receive(URI uri, PartialBlob partial) throws IOException, InterruptedException {
    var headers = new HashMap<String, String>();
    if (partial.length() > 0) {
      headers.put("Range", "bytes=%d-".formatted(partial.length()));
    }
    try (var answer = http.get(uri, headers)) {
      switch (answer.status()) {
        case 200 -> {
          if (partial.length() > 0) {
            clear(partial); // the server knows no ranges: all of it comes again
          }
        }
        case 206 -> checkRange(answer, partial);
        case 416 -> {
          clear(partial);
          throw passing("is said to be shorter than what was fetched of it");
        }
        default -> throw Refusals.of(answer, config, name, file.name());
      }
      long rest = answer.number("Content-Length");
      if (rest >= 0 && partial.length() + rest != file.bytes()) {
        clear(partial);
        throw passing("has %,d bytes, must have %,d".formatted(rest, file.bytes()));
      }
      validator = validator(answer);
      write(answer.body(), partial);
    }
  }

  /// The rest must be of the same content as the beginning, and start where that ends.
  private void checkRange(Answer answer, PartialBlob partial) throws IOException {
    var range = RANGE.matcher(String.valueOf(answer.header("Content-Range")));
    boolean fits =
        range.matches()
            && range.group(1).equals(Long.toString(partial.length()))
            && (range.group(2).equals("*") || range.group(2).equals(Long.toString(file.bytes())));
    String known = validator;
    String now = validator(answer);
    if (!fits || (known != null && now != null && !known.equals(now))) {
      clear(partial);
      validator = null;
      throw passing(fits ? "changed meanwhile" : "sent another range than was asked for");
    }
  }

  private static @Nullable String validator(Answer answer) {
    String etag = answer.header("ETag");
    return etag == null || etag.startsWith("W/") ? null : answer.uri().getHost() + " " + etag;
  }

  private void write(Chunks body, PartialBlob partial) throws IOException, InterruptedException {
    long begun = partial.length();
    List<ByteBuffer> buffers = body.next(config.silence());
    while (buffers != null) {
      for (var buffer : buffers) {
        int count = buffer.remaining();
        if (partial.length() + count > file.bytes()) {
          clear(partial);
          throw passing("has more than %,d bytes".formatted(file.bytes()));
        }
        partial.append(buffer);
        progress.fetched(count);
      }
      if (partial.length() - begun >= PROGRESS_BYTES) {
        pauses.restart();
      }
      buffers = body.next(config.silence());
    }
    if (!partial.isWhole()) {
      throw passing("ended after %,d of %,d bytes".formatted(partial.length(), file.bytes()));
    }
  }

  private HubException.Passing passing(String problem) {
    return new HubException.Passing("%s/%s %s".formatted(name, file.name(), problem), null);
  }

  private void clear(PartialBlob partial) throws IOException {
    progress.fetched(-partial.length());
    partial.clear();
  }
}
