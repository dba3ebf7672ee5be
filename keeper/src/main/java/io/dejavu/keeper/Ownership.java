package io.dejavu.keeper;

import java.io.IOException;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

/// Who owns which segment, and how another gets it: of two who want the same memory one gets it.
///
/// Thread-safe.
final class Ownership {
  private static final System.Logger LOG = System.getLogger(Ownership.class.getName());

  private final Segments segments;
  private final Workers workers;
  private final Duration exitWithin;
  private final Duration freeAfter;

  /// Since when nobody owns it. A segment that was taken is another key.
  private final Map<Segment, Long> ownerless = new HashMap<>();

  /// @param exitWithin longest wait for the exit of a process that is killed
  /// @param freeAfter how long the memory of one that has exited waits for the next
  Ownership(Segments segments, Workers workers, Duration exitWithin, Duration freeAfter) {
    this.segments = segments;
    this.workers = workers;
    this.exitWithin = exitWithin;
    this.freeAfter = freeAfter;
  }

  /// The fence.
  Segment take(String segment, String owner, String name) throws IOException, InterruptedException {
    synchronized (this) {
      checkOwner(segment, owner);
      if (owner.equals(name)) {
        throw new IOException("segment %s is its own already".formatted(segment));
      }
    }
    workers.fence(owner, exitWithin); // others get theirs meanwhile
    synchronized (this) {
      checkOwner(segment, owner);
      return segments.giveTo(segment, name);
    }
  }

  synchronized Segment claim(String segment, String name) throws IOException {
    var owner = segments.get(segment).owner();
    if (!owner.isEmpty() && !owner.equals(name)) {
      throw new IOException("segment %s is %s's".formatted(segment, owner));
    }
    return segments.giveTo(segment, name);
  }

  synchronized void release(String segment, String name) throws IOException {
    checkOwner(segment, name);
    segments.release(segment);
  }

  private void checkOwner(String segment, String owner) throws IOException {
    var its = segments.get(segment).owner();
    if (!its.equals(owner)) {
      throw new IOException("segment %s is %s's, not %s's".formatted(segment, its, owner));
    }
  }

  /// Frees what belonged to a process that has exited, or to nobody, and that nobody has taken for
  /// long.
  synchronized void reap() throws IOException {
    ownerless.keySet().retainAll(segments.all());
    for (var segment : segments.all()) {
      if (!segment.owner().isEmpty() && !workers.hasExited(segment.owner())) {
        ownerless.remove(segment);
        continue;
      }
      long since = ownerless.computeIfAbsent(segment, _ -> System.nanoTime());
      if (System.nanoTime() - since >= freeAfter.toNanos()) {
        segments.release(segment.name());
        LOG.log(
            Level.INFO,
            "segment {0} of {1} bytes is freed: \"{2}\" has exited, and nobody took it within {3}",
            segment.name(),
            segment.bytes(),
            segment.owner(),
            freeAfter);
      }
    }
  }
}
