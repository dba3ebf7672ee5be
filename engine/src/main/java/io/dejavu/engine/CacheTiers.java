package io.dejavu.engine;

import io.dejavu.kv.BlockHash;
import io.dejavu.kv.BlockPool;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;

/// What goes to host memory and disk behind the pool, and what comes back: {@link BatchMemory}'s
/// decisions about blocks that somebody may want again.
///
/// A block goes to the host when the pool gives it up, and to disk when it was computed, as long as
/// copies keep up: first while nothing else is to do, and beside steps as far as that costs one
/// hundredth of them. Blocks come back for a prompt that begins with them, as many of the first as
/// pay: copying each must take less time than computing it, as measured here ([ADR
/// 14](../../../../../../../docs/adr/0014-load-or-recompute.md)).
final class CacheTiers {
  /// Of the time of steps, what copies to the disk's buffers may take of it.
  private static final double COPY_SHARE = 0.01;

  /// Seconds of a copy while nothing is to do: so long a request waits that comes just then.
  private static final double IDLE_SECONDS = 0.0002;

  /// Before the first block comes from disk: a turn of the loop, and of the thread that reads.
  private static final double DISK_SECONDS = 0.001;

  /// A load that takes so long is given up, however much it is.
  private static final double LEAST_PATIENCE = 0.25;

  private static final int MOST_CANDIDATES = 8192;

  private final TierConfig config;
  private final BlockPool pool;
  private final int blockTokens;
  private final long blockBytes;
  private final TierIndex host;
  private final TierIndex disk;
  private PreemptionCosts costs = PreemptionCosts.UNKNOWN;

  private final List<StepCommand> spills = new ArrayList<>();
  // Computed and not on disk, the oldest first.
  private final LinkedHashSet<BlockHash> candidates = new LinkedHashSet<>();
  // Those that the pool has given up in this planning: their bytes are still there.
  private final Map<BlockHash, Integer> leaving = new HashMap<>();
  private boolean planning;
  private boolean diskIsKnown;
  private int storesUnderWay;
  private long loadingFromDisk;
  private double credit;

  private final Counts ofHost = new Counts();
  private final Counts ofDisk = new Counts();
  private long misses;
  private long declined;

  private static final class Counts {
    long hits;
    long stored;
    long failures;
  }

  /// What a sequence is to get.
  ///
  /// @param seconds what takes longer is not worth waiting for
  record Loading(List<BlockSource> sources, double seconds) {
    static final Loading NOTHING = new Loading(List.of(), 0);
  }

  CacheTiers(SchedulingConfig scheduling, BlockPool pool) {
    this.config = scheduling.prefixCache() ? scheduling.tiers() : TierConfig.NONE;
    this.pool = pool;
    this.blockTokens = scheduling.blockTokens();
    this.blockBytes = scheduling.blockBytes();
    host = new TierIndex(config.hostBlocks());
    disk = new TierIndex(config.diskBlocks());
    if (!config.isOff()) {
      pool.onEviction(this::evicted);
    }
  }

  void costs(PreemptionCosts costs) {
    this.costs = costs;
  }

  /// Blocks are given from now on until {@link #finish}: those given up keep their bytes so long.
  void begin() {
    planning = true;
  }

  private void evicted(BlockHash content, int block) {
    if (!planning) {
      candidates.remove(content); // Somebody tries the machine: the bytes are gone.
      return;
    }
    if (candidates.contains(content)) {
      leaving.put(content, block);
    }
    if (config.hostBlocks() == 0) {
      return;
    }
    if (host.knows(content)) {
      host.touch(content);
      return;
    }
    int slot = host.put(content);
    if (slot >= 0) {
      host.arrived(content, true, true); // Before anything else happens.
      ofHost.stored++;
      spills.add(new StepCommand.Spill(content, block, slot));
    }
  }

  /// A block was computed, or came from the host.
  void published(BlockHash content) {
    if (config.diskBlocks() > 0 && !disk.knows(content)) {
      candidates.add(content);
      if (candidates.size() > MOST_CANDIDATES) {
        candidates.removeFirst();
        ofDisk.failures++;
      }
    }
  }

  /// What is to be copied before all else.
  ///
  /// @param tokens of the step that follows; 0: none
  List<StepCommand> finish(int tokens) {
    planning = false;
    double storeSeconds = costs.loadSeconds(Tier.HOST, config.storeBlocks() * blockBytes);
    credit = Math.min(credit + COPY_SHARE * costs.prefillSeconds(tokens), 2 * storeSeconds);
    var copies = new ArrayList<>(spills);
    spills.clear();
    while (diskIsKnown
        && !candidates.isEmpty()
        && storesUnderWay < config.storesUnderWay()
        && (tokens == 0 || credit >= storeSeconds)) {
      credit -= tokens == 0 ? 0 : storeSeconds;
      if (!store(copies, tokens == 0 ? idleBlocks() : config.storeBlocks()) || tokens == 0) {
        break; // With nothing to do, whoever has come meanwhile is heard first.
      }
    }
    for (var content : leaving.keySet()) {
      if (candidates.remove(content)) {
        ofDisk.failures++;
      }
    }
    leaving.clear();
    return copies;
  }

  private int idleBlocks() {
    double seconds = costs.loadSeconds(Tier.HOST, blockBytes);
    return Math.clamp((long) (IDLE_SECONDS / seconds), 1, config.storeBlocks());
  }

  /// The next candidates, as far as their slots are consecutive.
  ///
  /// @return whether there were any
  private boolean store(List<StepCommand> copies, int most) {
    var contents = new ArrayList<BlockHash>();
    var blocks = new ArrayList<Integer>();
    int first = -1;
    for (var all = candidates.iterator(); all.hasNext() && contents.size() < most; ) {
      var content = all.next();
      int block = leaving.getOrDefault(content, pool.blockOf(content));
      if (block < 0 || disk.knows(content)) {
        all.remove();
        continue;
      }
      int slot = disk.put(content);
      if (slot < 0) {
        break;
      }
      if (first >= 0 && slot != first + contents.size()) {
        disk.arrived(content, false, true); // The next time.
        break;
      }
      first = first < 0 ? slot : first;
      contents.add(content);
      blocks.add(block);
      all.remove();
    }
    if (contents.isEmpty()) {
      return false;
    }
    storesUnderWay++;
    copies.add(
        new StepCommand.Store(
            first, contents, blocks.stream().mapToInt(Integer::intValue).toArray()));
    return true;
  }

  void stored(StepEvent.Stored done) {
    storesUnderWay--;
    for (var content : done.contents()) {
      // The disk is full there: what it has written before is used in turn.
      disk.arrived(content, done.whole(), false);
    }
    if (done.whole()) {
      ofDisk.stored += done.contents().size();
    } else {
      ofDisk.failures += done.contents().size();
    }
  }

  /// Blocks to write, and writes under way; 0 as long as nothing can be written.
  int unstored() {
    return diskIsKnown ? candidates.size() + storesUnderWay : 0;
  }

  void found(List<BlockSource> blocks) {
    diskIsKnown = true;
    for (var block : blocks) {
      disk.found(block.content(), block.slot());
    }
  }

  void lost(Tier tier, BlockHash content) {
    of(tier).forget(content);
    counts(tier).failures++;
  }

  /// What these blocks hold cannot be trusted.
  void distrust(List<BlockHash> contents) {
    for (var content : contents) {
      candidates.remove(content);
      host.forget(content);
      disk.forget(content);
    }
  }

  /// Whether `content` is in a tier.
  boolean has(BlockHash content) {
    return host.slotOf(content) >= 0 || disk.slotOf(content) >= 0;
  }

  /// As many of the first of `wanted` as there are in the tiers and pay. They stay there until
  /// {@link #loaded}.
  Loading load(List<BlockHash> wanted) {
    if (config.isOff() || wanted.isEmpty()) {
      return Loading.NOTHING;
    }
    var there = sources(wanted);
    misses += wanted.size() - there.size();
    int count = paying(there);
    declined += there.size() - count;
    if (count == 0) {
      return Loading.NOTHING;
    }
    var sources = there.subList(0, count);
    // The head of a prompt is wanted more often than its tail: it becomes the youngest.
    for (var source : sources.reversed()) {
      var tier = of(source.tier());
      tier.pin(source.content());
      tier.touch(source.content());
      loadingFromDisk += source.tier() == Tier.DISK ? 1 : 0;
    }
    double patience = 2 * costs.prefillSeconds((long) count * blockTokens);
    return new Loading(List.copyOf(sources), Math.max(LEAST_PATIENCE, patience));
  }

  private List<BlockSource> sources(List<BlockHash> wanted) {
    var there = new ArrayList<BlockSource>();
    for (var content : wanted) {
      int slot = host.slotOf(content);
      var tier = slot >= 0 ? Tier.HOST : Tier.DISK;
      slot = slot >= 0 ? slot : disk.slotOf(content);
      if (slot < 0) {
        break;
      }
      there.add(new BlockSource(content, tier, slot));
    }
    return there;
  }

  /// How many of the first save the most time; 0 if it is not known what computing takes.
  private int paying(List<BlockSource> there) {
    double compute = costs.prefillSeconds(blockTokens);
    double saved = 0;
    double most = 0;
    int count = 0;
    boolean reads = false;
    for (int i = 0; i < there.size(); i++) {
      var tier = there.get(i).tier();
      if (tier == Tier.DISK && !reads) {
        reads = true;
        saved -= DISK_SECONDS + costs.loadSeconds(tier, loadingFromDisk * blockBytes);
      }
      saved += compute - costs.loadSeconds(tier, blockBytes);
      if (saved > most) {
        most = saved;
        count = i + 1;
      }
    }
    return count;
  }

  /// A load is over.
  ///
  /// @param count so many of the first came
  void loaded(List<BlockSource> sources, int count) {
    for (int i = 0; i < sources.size(); i++) {
      var source = sources.get(i);
      of(source.tier()).unpin(source.content());
      loadingFromDisk -= source.tier() == Tier.DISK ? 1 : 0;
      if (i < count) {
        counts(source.tier()).hits++;
      }
    }
  }

  Engine.Tiers totals() {
    return new Engine.Tiers(counts(host, ofHost), counts(disk, ofDisk), misses, declined);
  }

  private Engine.TierCounts counts(TierIndex tier, Counts counts) {
    return new Engine.TierCounts(
        tier.size(),
        counts.hits,
        counts.hits * blockBytes,
        counts.stored * blockBytes,
        counts.failures);
  }

  private TierIndex of(Tier tier) {
    return switch (tier) {
      case HOST -> host;
      case DISK -> disk;
    };
  }

  private Counts counts(Tier tier) {
    return switch (tier) {
      case HOST -> ofHost;
      case DISK -> ofDisk;
    };
  }

  /// Counts all over again.
  void check() {
    host.check();
    disk.check();
  }
}
