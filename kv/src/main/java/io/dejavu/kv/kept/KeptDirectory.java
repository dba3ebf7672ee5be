package io.dejavu.kv.kept;

import io.dejavu.kv.KvLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;

/// Whose keys and values lie where in kept memory, and how many of them are whole: one entry per
/// sequence.
///
/// ```
///  0         8           16                 24    32          40
///  +---------+-------+---+------------------+-----+-----------+-----------+--
///  | request | epoch | 0 | tokens+1 | check |  0  | block 0   | block 1   | …
///  +---------+-------+---+------------------+-----+-----------+-----------+--
/// ```
///
/// Every word of the table and the count of committed tokens carry their own check and are stored
/// in one go ({@link CheckedWord}), the count last: killed at any moment, the writer leaves the
/// entry as it was before a step or after it. An entry whose count is 0 is free. Of two entries of
/// one request the later epoch counts: a new owner writes a new one before it frees the old.
///
/// Not thread-safe: the owner's step loop writes.
final class KeptDirectory {
  /// Where an entry's table begins.
  static final long TABLE = 32;

  private static final long NUMBER = 8;
  private static final long COUNT = 16;

  private static final ValueLayout.OfInt I32 =
      ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong I64 =
      ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final KeptLayout layout;
  private final MemorySegment memory;
  private final int epoch;
  private final BitSet used = new BitSet();
  private final Map<Long, Entry> entries = new HashMap<>();

  // Of the owner before: they stay until their sequences are written anew, or dropped.
  private final Map<Long, Integer> inherited = new HashMap<>();

  /// @param epoch of the owner that writes
  KeptDirectory(KeptLayout layout, MemorySegment memory, int epoch) {
    this.layout = layout;
    this.memory = memory;
    this.epoch = epoch;
  }

  /// Reads what the owners before have left. Damaged entries are freed.
  ///
  /// @param damage gets one line for each
  List<KeptSequence> inherit(List<String> damage) {
    Map<Long, KeptSequence> found = new HashMap<>();
    for (int slot = 0; slot < layout.sequences(); slot++) {
      long count = CheckedWord.load(memory, layout.entry(slot) + COUNT);
      if (count == 0) {
        continue;
      }
      var read = read(slot, count);
      if (read.isEmpty()) {
        damage.add("entry %d of the directory is damaged".formatted(slot));
        free(slot);
        continue;
      }
      var sequence = read.get();
      var other = found.get(sequence.request());
      if (other != null && other.epoch() >= sequence.epoch()) {
        free(slot);
        continue;
      }
      var older = inherited.put(sequence.request(), slot);
      if (older != null) {
        free(older);
      }
      used.set(slot);
      found.put(sequence.request(), sequence);
    }
    return List.copyOf(found.values());
  }

  private Optional<KeptSequence> read(int slot, long count) {
    long at = layout.entry(slot);
    long request = memory.get(I64, at);
    int itsEpoch = memory.get(I32, at + NUMBER);
    var tokens = CheckedWord.number(count, request, itsEpoch);
    int most = layout.sequenceBlocks() * layout.kv().blockTokens();
    if (tokens.isEmpty() || tokens.getAsInt() < 1 || tokens.getAsInt() > most + 1) {
      return Optional.empty();
    }
    if (itsEpoch < 1 || itsEpoch >= epoch) {
      return Optional.empty();
    }
    int committed = tokens.getAsInt() - 1;
    var blocks = new int[KvLayout.blocksFor(committed, layout.kv().blockTokens())];
    for (int i = 0; i < blocks.length; i++) {
      long word = CheckedWord.load(memory, at + TABLE + (long) Long.BYTES * i);
      var block = CheckedWord.number(word, request, i);
      if (block.isEmpty() || block.getAsInt() < 0 || block.getAsInt() >= layout.kv().blocks()) {
        return Optional.empty();
      }
      blocks[i] = block.getAsInt();
    }
    return Optional.of(new KeptSequence(request, itsEpoch, committed, blocks));
  }

  /// An entry of this owner, and what its table says: checks are computed for what changes only.
  private static final class Entry {
    final int slot;
    int[] table = {};

    Entry(int slot) {
      this.slot = slot;
    }
  }

  /// Whether position `i` of the table says `block` already.
  boolean has(long request, int i, int block) {
    var entry = entries.get(request);
    return entry != null && i < entry.table.length && entry.table[i] == block;
  }

  /// The first `tokens` tokens of `request` are whole, in these blocks, from now on.
  ///
  /// @throws IllegalStateException if the directory is full
  void commit(long request, int tokens, int[] blocks) {
    var entry = entries.computeIfAbsent(request, this::take);
    long at = layout.entry(entry.slot);
    for (int i = 0; i < blocks.length; i++) {
      if (i >= entry.table.length || entry.table[i] != blocks[i]) {
        CheckedWord.store(
            memory, at + TABLE + (long) Long.BYTES * i, CheckedWord.of(blocks[i], request, i));
      }
    }
    entry.table = blocks.clone();
    CheckedWord.store(memory, at + COUNT, CheckedWord.of(tokens + 1, request, epoch));
    var before = inherited.remove(request);
    if (before != null) {
      free(before);
    }
  }

  private Entry take(long request) {
    int slot = used.nextClearBit(0);
    if (slot >= layout.sequences()) {
      throw new IllegalStateException(
          "the directory is full: %d sequences".formatted(layout.sequences()));
    }
    used.set(slot);
    long at = layout.entry(slot);
    memory.set(I64, at, request);
    memory.set(I32, at + NUMBER, epoch);
    return new Entry(slot);
  }

  /// Nothing of `request` is kept any more. Harmless if nothing was.
  void remove(long request) {
    var entry = entries.remove(request);
    if (entry != null) {
      free(entry.slot);
    }
    var before = inherited.remove(request);
    if (before != null) {
      free(before);
    }
  }

  private void free(int slot) {
    CheckedWord.store(memory, layout.entry(slot) + COUNT, 0);
    used.clear(slot);
  }

  /// Requests with an entry.
  List<Long> requests() {
    var all = new TreeSet<>(entries.keySet());
    all.addAll(inherited.keySet());
    return List.copyOf(all);
  }
}
