package io.dejavu.kv.stream;

import java.util.LinkedHashMap;

/// The last epoch of each request that anybody has offered to this process, so that a late writer
/// is refused whichever connection it comes by, and after its stream has ended, too. Remembers so
/// many requests, those that were heard of last.
///
/// Thread-safe; the receivers of a process share one.
public final class KvEpochs {
  private final int most;
  // In order of access.
  private final LinkedHashMap<Long, Integer> last = new LinkedHashMap<>(16, 0.75f, true);

  /// @param most requests that it remembers; more than are under way at a time
  public KvEpochs(int most) {
    if (most < 1) {
      throw new IllegalArgumentException("epochs of %d requests".formatted(most));
    }
    this.most = most;
  }

  /// Whether nobody newer than `epoch` has written this request; if so, nobody older may any more.
  public synchronized boolean admit(long request, int epoch) {
    var known = last.get(request);
    if (known != null && known > epoch) {
      return false;
    }
    if (known == null || known < epoch) {
      last.put(request, epoch);
      if (last.size() > most) {
        last.pollFirstEntry();
      }
    }
    return true;
  }
}
