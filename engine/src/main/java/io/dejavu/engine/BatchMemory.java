package io.dejavu.engine;

import io.dejavu.engine.Sequence.Place;
import io.dejavu.kv.BlockHash;
import io.dejavu.kv.BlockPool;
import io.dejavu.kv.BlockTable;
import io.dejavu.kv.KvLayout;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// The memory side of {@link StepPlanner}: who gets blocks, what is taken from the cache, whether
/// there is room for one more.
///
/// Blocks are given as they are needed. One more may start if the batch with it is predicted to fit
/// at its peak ({@link PeakMemory}); if the prediction was wrong, a sequence loses its blocks and
/// goes on later, from a copy on the host or by being computed again, whichever is cheaper.
final class BatchMemory {
  private final BlockPool pool;
  private final SchedulingConfig config;
  private final int blockTokens;
  private final OutputHistory history = new OutputHistory();
  private final Map<String, BlockHash> roots = new HashMap<>();
  // Blocks that a sequence of the batch is about to compute, and that others wait for.
  private final Map<BlockHash, Sequence> coming = new HashMap<>();
  private final CacheTiers tiers;
  private PreemptionCosts costs = PreemptionCosts.UNKNOWN;

  private int hostBlocks;
  private int onHost;
  private long prefixQueries;
  private long prefixHits;
  private long swaps;
  private long recomputes;

  BatchMemory(BlockPool pool, SchedulingConfig config) {
    this.pool = pool;
    this.config = config;
    this.blockTokens = config.blockTokens();
    this.tiers = new CacheTiers(config, pool);
  }

  void costs(PreemptionCosts costs) {
    this.costs = costs;
    tiers.costs(costs);
  }

  /// What is behind the pool.
  CacheTiers tiers() {
    return tiers;
  }

  /// Sequences on the host.
  int onHost() {
    return onHost;
  }

  Engine.Totals totals(long steps, long promptTokens, long generatedTokens) {
    return new Engine.Totals(
        steps,
        promptTokens,
        generatedTokens,
        prefixQueries,
        prefixHits,
        swaps,
        recomputes,
        tiers.totals());
  }

  /// Whether nobody is just computing what this sequence wants next: then it is worth waiting a
  /// little and sharing that.
  boolean isWorthStarting(Sequence sequence) {
    if (!config.prefixCache()) {
      return true;
    }
    var chain = sequence.cacheable(root(sequence), blockTokens);
    // Most of it was there when last asked; what was given up since is computed again.
    while (sequence.seen < chain.size() && pool.holds(chain.get(sequence.seen))) {
      sequence.seen++;
    }
    return sequence.seen >= chain.size() || !coming.containsKey(chain.get(sequence.seen));
  }

  /// Whether the batch with `next` fits, now and at its peak.
  boolean hasRoom(Collection<Sequence> batch, Sequence next) {
    int held = next.place == Place.READY ? next.blocks().blocks().length : 0;
    int wanted = KvLayout.blocksFor(next.wanted(), blockTokens) - held;
    int shared = sharedBy(next);
    if (wanted - shared > pool.free()) {
      return false;
    }
    if (batch.isEmpty()) {
      return true;
    }
    var peak = new PeakMemory();
    for (var sequence : batch) {
      add(peak, sequence);
    }
    add(peak, next);
    return peak.blocks(blockTokens) <= pool.blocks() + pool.sharings() + shared;
  }

  private void add(PeakMemory peak, Sequence sequence) {
    // The last token drawn is never computed.
    int left = history.predict(sequence.generated(), sequence.mayGenerate()) - 1;
    peak.add(sequence.length(), Math.max(0, left));
  }

  /// Blocks that others have and that `next` would share.
  private int sharedBy(Sequence next) {
    if (!config.prefixCache() || next.place == Place.HOST || next.place == Place.READY) {
      return 0;
    }
    int shared = 0;
    for (var hash : next.cacheable(root(next), blockTokens)) {
      if (!pool.isOwned(hash)) {
        break;
      }
      shared++;
    }
    return shared;
  }

  /// Starts a sequence, or starts it again, with what the cache has of it, and what the tiers
  /// behind it have.
  ///
  /// @return tokens that need not be computed if all of that comes
  int admit(Sequence sequence, List<StepCommand> commands) {
    int cached = 0;
    var loading = CacheTiers.Loading.NOTHING;
    if (config.prefixCache()) {
      var chain = sequence.cacheable(root(sequence), blockTokens);
      int blocks = pool.share(sequence.number, chain);
      cached = blocks * blockTokens;
      sequence.published = blocks;
      prefixQueries += sequence.length();
      prefixHits += cached;
      for (var hash : chain.subList(blocks, chain.size())) {
        coming.putIfAbsent(hash, sequence);
      }
      int room = Math.min(chain.size(), blocks + pool.free());
      loading = tiers.load(chain.subList(blocks, room));
    }
    sequence.admit(cached);
    table(sequence);
    if (loading.sources().isEmpty()) {
      return cached;
    }
    load(sequence, loading, commands);
    return cached + loading.sources().size() * blockTokens;
  }

  private void load(Sequence sequence, CacheTiers.Loading loading, List<StepCommand> commands) {
    int shared = sequence.blocks().blocks().length;
    int count = loading.sources().size();
    lend(sequence, count);
    sequence.place = Place.LOADING;
    sequence.loading = loading.sources();
    int[] blocks = Arrays.copyOfRange(sequence.blocks().blocks(), shared, shared + count);
    commands.add(
        new StepCommand.Load(sequence.number, loading.sources(), blocks, loading.seconds()));
  }

  /// So many of the first blocks that were to come are there; the others are computed.
  void loaded(Sequence sequence, int count) {
    tiers.loaded(sequence.loading, count);
    sequence.loaded(sequence.computed() + count * blockTokens);
    publish(sequence);
  }

  /// What was to come is for nobody.
  void loadedInVain(Sequence sequence) {
    tiers.loaded(sequence.loading, 0);
  }

  /// Lets an adopted sequence have the blocks that hold its keys and values.
  ///
  /// @return whether it has them; if not, it is computed again
  boolean adopt(Sequence sequence, int[] blocks) {
    int full = sequence.computed() / blockTokens;
    boolean useful =
        sequence.computed() > 0
            && sequence.computed() <= (long) blocks.length * blockTokens
            && !(sequence.request.wantsWholePrompt() && sequence.generated() == 0);
    if (!useful || !pool.adopt(sequence.number, blocks, full)) {
      return false;
    }
    table(sequence);
    var chain = sequence.chain(root(sequence), blockTokens, full);
    for (int i = 0; i < full; i++) {
      if (pool.holdsOther(blocks[i], chain.get(i))) {
        release(sequence); // Two sequences that differ cannot both have it.
        return false;
      }
    }
    publish(sequence);
    return true;
  }

  /// Gives a sequence blocks for its first `tokens` tokens.
  ///
  /// @return false, and nothing given, if there are too few
  boolean grow(Sequence sequence, int tokens) {
    int wanted = KvLayout.blocksFor(tokens, blockTokens) - sequence.blocks().blocks().length;
    if (wanted <= 0) {
      return true;
    }
    if (wanted > pool.free()) {
      return false;
    }
    lend(sequence, wanted);
    return true;
  }

  private void lend(Sequence sequence, int blocks) {
    try (var lease = pool.lend(blocks)) {
      lease.giveTo(sequence.number);
    }
    table(sequence);
  }

  /// How many of the next `count` tokens of a sequence have blocks, or could get some.
  int fitting(Sequence sequence, int count) {
    int blocks = sequence.blocks().blocks().length + pool.free();
    return Math.clamp((long) blocks * blockTokens - sequence.computed(), 0, count);
  }

  /// Takes the blocks of a sequence.
  StepCommand takeFrom(Sequence victim) {
    int blocks = KvLayout.blocksFor(victim.computed(), blockTokens);
    boolean swap =
        hostBlocks + blocks <= config.swapBlocks()
            && costs.swapIsCheaper(blocks * config.blockBytes(), victim.computed());
    stopComing(victim);
    if (!swap) {
      recomputes++;
      release(victim);
      victim.drop();
      return new StepCommand.Recompute(victim.number);
    }
    swaps++;
    onHost++;
    hostBlocks += blocks;
    int[] copied = Arrays.copyOf(victim.blocks().blocks(), blocks);
    release(victim);
    victim.place = Place.HOST;
    table(victim);
    return new StepCommand.SwapOut(victim.number, copied);
  }

  /// Gives a sequence blocks again, for what the host has of it.
  StepCommand takeBack(Sequence sequence) {
    int blocks = hostBlocksOf(sequence);
    leaveHost(sequence);
    lend(sequence, blocks);
    sequence.place = Place.RETURNING;
    sequence.published = 0;
    return new StepCommand.SwapIn(sequence.number, pool.ownedBy(sequence.number));
  }

  /// A copy came to nothing: the sequence is computed again.
  void lose(Sequence sequence) {
    if (sequence.place == Place.HOST) {
      leaveHost(sequence);
    }
    release(sequence);
    sequence.drop();
  }

  private int hostBlocksOf(Sequence sequence) {
    return KvLayout.blocksFor(sequence.computed(), blockTokens);
  }

  private void leaveHost(Sequence sequence) {
    onHost--;
    hostBlocks -= hostBlocksOf(sequence);
  }

  /// Tells the pool what the sequence's full blocks hold.
  void publish(Sequence sequence) {
    if (!config.prefixCache()) {
      return;
    }
    int full = sequence.computed() / blockTokens;
    if (sequence.published >= full) {
      return;
    }
    var chain = sequence.chain(root(sequence), blockTokens, full);
    for (int i = sequence.published; i < full; i++) {
      pool.publish(sequence.number, i, chain.get(i));
      tiers.published(chain.get(i));
      coming.remove(chain.get(i), sequence);
    }
    sequence.published = full;
    table(sequence);
  }

  /// What the sequence's blocks hold is not to be shared.
  void distrust(Sequence sequence) {
    pool.retract(sequence.number);
    tiers.distrust(sequence.chain(root(sequence), blockTokens, sequence.published));
  }

  /// The sequence is over.
  void ended(Sequence sequence) {
    if (sequence.place == Place.BATCH || sequence.place == Place.LOADING) {
      stopComing(sequence);
    } else if (sequence.place == Place.HOST) {
      leaveHost(sequence);
    }
    if (sequence.generated() > 0) {
      history.add(sequence.generated());
    }
  }

  /// Takes back all blocks; nothing uses them any more.
  void release(Sequence sequence) {
    pool.release(sequence.number);
  }

  private void stopComing(Sequence sequence) {
    if (config.prefixCache()) {
      sequence
          .cacheable(root(sequence), blockTokens)
          .forEach(hash -> coming.remove(hash, sequence));
    }
  }

  private void table(Sequence sequence) {
    sequence.use(new BlockTable(blockTokens, pool.ownedBy(sequence.number)));
  }

  private BlockHash root(Sequence sequence) {
    return roots.computeIfAbsent(
        sequence.request.tenant(), tenant -> BlockHash.root(config.model(), tenant));
  }
}
