package io.dejavu.kv;

import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/// Which block holds what, for sequences that begin alike: full blocks by their {@link BlockHash}.
/// Pure accounting; {@link BlockPool} owns it and says which of its blocks somebody uses.
///
/// Blocks that nobody uses are given up in the order in which they fell out of use, the tail of a
/// sequence before its head: heads are shared more often, and without its head a tail cannot be
/// found. A sequence that uses a block uses all before it, so a block is never given up before one
/// that follows it.
final class PrefixIndex {
  private final Map<BlockHash, Integer> byHash = new HashMap<>();
  private final Map<Integer, BlockHash> byBlock = new HashMap<>();
  // The first is the next to be given up.
  private final LinkedHashSet<Integer> unused = new LinkedHashSet<>();

  /// The block that holds this; -1 if none does.
  int find(BlockHash hash) {
    return byHash.getOrDefault(hash, -1);
  }

  /// `block`, which somebody uses, holds what `hash` says, and no other block does.
  void put(BlockHash hash, int block) {
    var other = byHash.putIfAbsent(hash, block);
    var before = byBlock.putIfAbsent(block, hash);
    if (other != null || before != null) {
      throw new IllegalStateException(
          "block %d is %s, %s is block %d".formatted(block, before, hash, other));
    }
  }

  /// Whether the block can be found.
  boolean has(int block) {
    return byBlock.containsKey(block);
  }

  /// What the block holds; null if that cannot be found.
  @Nullable BlockHash content(int block) {
    return byBlock.get(block);
  }

  /// Nobody uses the block any more.
  void release(int block) {
    unused.add(block);
  }

  /// Somebody uses it again.
  void use(int block) {
    unused.remove(block);
  }

  /// Blocks that nobody uses.
  int unused() {
    return unused.size();
  }

  boolean isUnused(int block) {
    return unused.contains(block);
  }

  /// Gives up a block that nobody uses.
  ///
  /// @param listener is told what it held
  /// @return which; it cannot be found any more
  int evict(BiConsumer<BlockHash, Integer> listener) {
    int block = unused.removeFirst();
    var content = byBlock.remove(block);
    if (content == null) {
      throw new IllegalStateException("block %d holds nothing known".formatted(block));
    }
    byHash.remove(content);
    listener.accept(content, block);
    return block;
  }

  /// The block, which somebody uses, cannot be found any more.
  void remove(int block) {
    var hash = byBlock.remove(block);
    if (hash != null) {
      byHash.remove(hash);
    }
  }

  /// Counts all over again.
  ///
  /// @throws IllegalStateException if the two maps disagree
  void check() {
    byHash.forEach(
        (hash, block) -> {
          if (!hash.equals(byBlock.get(block))) {
            throw new IllegalStateException(
                "%s is block %d, which is %s".formatted(hash, block, byBlock.get(block)));
          }
        });
    if (byHash.size() != byBlock.size() || !byBlock.keySet().containsAll(unused)) {
      throw new IllegalStateException(
          "%d hashes of %d blocks, %d unused"
              .formatted(byHash.size(), byBlock.size(), unused.size()));
    }
  }
}
