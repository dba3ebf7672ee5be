package io.dejavu.engine;

import io.dejavu.kv.BlockHash;
import java.util.BitSet;
import java.util.LinkedHashMap;
import org.jspecify.annotations.Nullable;

/// What one tier holds, and in which of its slots: pure accounting. What was longest unused gives
/// its slot to what comes, unless it is being copied just now.
final class TierIndex {
  private final int slots;
  private final BitSet free;
  // The first is the next to be given up.
  private final LinkedHashMap<BlockHash, Entry> entries = new LinkedHashMap<>();
  private int lowestFree;
  private int broken;

  private static final class Entry {
    final int slot;
    // Copies under way, to it or from it.
    int pins;
    boolean there;
    boolean unwanted;

    Entry(int slot) {
      this.slot = slot;
    }
  }

  TierIndex(int slots) {
    this.slots = slots;
    free = new BitSet();
    free.set(0, slots);
  }

  /// Whether it holds this, or will when the copy is done.
  boolean knows(BlockHash content) {
    return entries.containsKey(content);
  }

  /// Where this is; -1 if it is not there, or not yet.
  int slotOf(BlockHash content) {
    var entry = entries.get(content);
    return entry == null || !entry.there || entry.unwanted ? -1 : entry.slot;
  }

  int size() {
    return entries.size();
  }

  /// Finds a slot for something new, which is there once {@link #arrived} says so, and pinned until
  /// then.
  ///
  /// @return -1 if all are in use by copies
  int put(BlockHash content) {
    int slot = free.nextSetBit(lowestFree);
    if (slot < 0) {
      slot = giveUp();
    } else {
      free.clear(slot);
      lowestFree = slot + 1;
    }
    if (slot >= 0) {
      var entry = new Entry(slot);
      entry.pins = 1;
      if (entries.put(content, entry) != null) {
        throw new IllegalStateException("%s has a slot".formatted(content));
      }
    }
    return slot;
  }

  private int giveUp() {
    for (var all = entries.values().iterator(); all.hasNext(); ) {
      var entry = all.next();
      if (entry.pins == 0) {
        all.remove();
        return entry.slot;
      }
    }
    return -1;
  }

  /// Something was found in a slot, from long ago. Ignored if either is known already.
  void found(BlockHash content, int slot) {
    if (slot < slots && free.get(slot) && !knows(content)) {
      free.clear(slot);
      var entry = new Entry(slot);
      entry.there = true;
      entries.put(content, entry);
    }
  }

  /// A copy to the tier is done.
  ///
  /// @param whole whether it is there
  /// @param again whether its slot can be used again if it is not; else the tier is full there, and
  ///   what is free behind that slot is not used any more
  void arrived(BlockHash content, boolean whole, boolean again) {
    var entry = of(content);
    entry.there = whole;
    entry.unwanted |= !whole;
    if (!whole && !again) {
      broken += 1 + free.get(entry.slot, slots).cardinality();
      free.clear(entry.slot, slots);
      entries.remove(content);
      return;
    }
    unpin(content);
  }

  /// It is being copied from the tier.
  void pin(BlockHash content) {
    of(content).pins++;
  }

  /// No more.
  void unpin(BlockHash content) {
    var entry = of(content);
    if (entry.pins == 0) {
      throw new IllegalStateException("%s is not pinned".formatted(content));
    }
    entry.pins--;
    if (entry.pins == 0 && entry.unwanted) {
      remove(content);
    }
  }

  /// It was wanted: it is kept longest.
  void touch(BlockHash content) {
    var entry = of(content);
    entries.remove(content);
    entries.put(content, entry);
  }

  /// It is not to be used any more.
  void forget(BlockHash content) {
    var entry = entries.get(content);
    if (entry == null) {
      return;
    }
    entry.unwanted = true;
    if (entry.pins == 0) {
      remove(content);
    }
  }

  private void remove(BlockHash content) {
    @Nullable Entry entry = entries.remove(content);
    if (entry != null) {
      free.set(entry.slot);
      lowestFree = Math.min(lowestFree, entry.slot);
    }
  }

  private Entry of(BlockHash content) {
    var entry = entries.get(content);
    if (entry == null) {
      throw new IllegalStateException("%s has no slot".formatted(content));
    }
    return entry;
  }

  /// Counts all over again.
  ///
  /// @throws IllegalStateException if a slot is in two places or in none
  void check() {
    var used = new BitSet();
    for (var entry : entries.values()) {
      if (used.get(entry.slot) || free.get(entry.slot)) {
        throw new IllegalStateException("slot %d is in two places".formatted(entry.slot));
      }
      used.set(entry.slot);
    }
    if (used.cardinality() + free.cardinality() + broken != slots) {
      throw new IllegalStateException(
          "%d slots are used, %d free, %d broken, of %d"
              .formatted(used.cardinality(), free.cardinality(), broken, slots));
    }
  }
}
