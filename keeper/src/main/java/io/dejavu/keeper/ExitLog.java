package io.dejavu.keeper;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;

/// Who has exited, numbered in that order, and who wants to hear of it. Remembers the last ones, so
/// that a client hears also of those that exit while its connection is lost.
///
/// Thread-safe.
final class ExitLog {
  private static final int MOST = Watcher.MOST_UNTOLD;

  private final Deque<WorkerExit> last = new ArrayDeque<>();
  private final Map<KeeperWire, Watcher> watchers = new HashMap<>();
  private long count;

  synchronized void add(WorkerExit exit) {
    last.add(exit);
    if (last.size() > MOST) {
      last.remove();
    }
    watchers.values().forEach(watcher -> watcher.tell(count, exit));
    count++;
  }

  /// From now on a client hears of exits.
  ///
  /// @param next the number of the first one that it has not heard of; -1 for those to come
  /// @return the number of the next one to come
  synchronized long watch(KeeperWire wire, long next) {
    var watcher = watchers.computeIfAbsent(wire, Watcher::start);
    long number = count - last.size();
    for (var exit : last) {
      if (next >= 0 && number >= next) {
        watcher.tell(number, exit);
      }
      number++;
    }
    return count;
  }

  synchronized void leave(KeeperWire wire) {
    var watcher = watchers.remove(wire);
    if (watcher != null) {
      watcher.close();
    }
  }
}
