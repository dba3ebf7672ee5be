package io.dejavu.kv.stream;

import static java.lang.System.Logger.Level.WARNING;

import io.dejavu.kv.BlockPool;
import io.dejavu.kv.KvLayout;
import io.dejavu.kv.KvMemory;
import io.dejavu.transport.Deadline;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A landing that keeps what arrives, by request, until somebody takes it away: prompts that wait
/// for their decoding worker, replicas of another worker's sequences. Owns a pool of blocks; a
/// request whose tokens do not fit now waits for its turn.
///
/// A request may come in several streams, from several stages and shards: they fill the same
/// blocks, and it is *whole* when together they cover all layers and heads of the memory. Parts
/// whose other parts do not come in time are dropped.
///
/// Thread-safe: the receivers of a process may share one. Nobody is called while it is locked.
public final class KvShelf implements KvLanding {
  private static final System.Logger LOG = System.getLogger(KvShelf.class.getName());

  private final KvMemory memory;
  private final boolean keepsOrphans;
  private final Duration patience;
  private final Listener listener;
  private final BlockPool pool;
  private final Map<Long, Entry> entries = new HashMap<>();
  private final Map<KvArrival, Entry> owners = new HashMap<>();
  private final Deque<Entry> waiting = new ArrayDeque<>();
  private long lastOwner;

  /// What is to be done without the lock: answers to arrivals, and what the listener hears.
  private final EffectQueue<Runnable> acts = new EffectQueue<>(KvShelf::act);

  /// Hears what is new on the shelf. Called by a receiver's thread or whoever calls the shelf, one
  /// at a time; must be quick and must not wait.
  public interface Listener {
    /// All streams of a request are done.
    ///
    /// @param request its keys and values can be used until {@link KvShelf#drop}, or until it is
    ///   offered again, by the same epoch or a newer one
    void whole(Kept request);

    /// A sender is lost. What it has committed stays on the shelf, if the shelf keeps that.
    default void orphaned(Kept request) {}
  }

  /// Keys and values of a request on the shelf.
  ///
  /// @param tokens of which every layer and head is here
  /// @param blocks where, for positions from 0
  public record Kept(long request, int epoch, int tokens, int[] blocks) {}

  /// All streams of one request in one epoch.
  private final class Entry {
    final long owner;
    final KvOffer first;
    final List<KvArrival> arrivals = new ArrayList<>();
    int live;
    boolean isDropped;

    /// By when its next part has to be offered, if nothing of it arrives now.
    @Nullable Deadline nextPart;

    int @Nullable [] blocks;

    Entry(long owner, KvOffer first) {
      this.owner = owner;
      this.first = first;
    }

    int wanted() {
      return KvLayout.blocksFor(first.tokens().end(), memory.layout().blockTokens());
    }

    /// Whether some of it has come, or was about to.
    boolean has(KvOffer offer) {
      return arrivals.stream()
          .map(KvArrival::offer)
          .anyMatch(
              other ->
                  other.layers().overlaps(offer.layers())
                      && other.heads().start() < offer.heads().end()
                      && offer.heads().start() < other.heads().end());
    }

    /// Of the whole memory's layers and heads.
    boolean isCovered() {
      var layout = memory.layout();
      long cells = 0;
      for (var arrival : arrivals) {
        cells += (long) arrival.offer().layers().count() * arrival.offer().heads().count();
      }
      return cells == (long) layout.layers().count() * layout.heads().count();
    }

    boolean isWhole() {
      return isCovered() && isDone();
    }

    /// All parts that were offered.
    boolean isDone() {
      return arrivals.stream().allMatch(arrival -> arrival.outcome() instanceof KvOutcome.Done);
    }

    Kept kept() {
      int tokens =
          isCovered() ? arrivals.stream().mapToInt(KvArrival::committed).min().orElse(0) : 0;
      return new Kept(
          first.request(), first.epoch(), tokens, blocks == null ? new int[0] : blocks.clone());
    }
  }

  /// @param memory whose blocks are all the shelf's
  /// @param keepsOrphans whether what a lost or silent sender has committed stays
  /// @param patience longest that a request whose parts are all done waits for one that was not
  ///   offered yet
  public KvShelf(KvMemory memory, boolean keepsOrphans, Duration patience, Listener listener) {
    this.memory = memory;
    this.keepsOrphans = keepsOrphans;
    this.patience = patience;
    this.listener = listener;
    pool = new BlockPool(memory.layout().blocks());
  }

  private static void act(Runnable act) {
    try {
      act.run();
    } catch (RuntimeException e) {
      LOG.log(WARNING, "whoever listens to a shelf fails", e);
    }
  }

  private void later(Runnable act) {
    acts.add(List.of(act));
  }

  private void refuse(KvArrival arrival, String why) {
    later(() -> arrival.refuse(why));
  }

  @Override
  public void offered(KvArrival arrival) {
    synchronized (this) {
      place(arrival);
    }
    acts.tell();
  }

  private void place(KvArrival arrival) {
    var offer = arrival.offer();
    try {
      offer.requireIn(memory.layout());
    } catch (IllegalArgumentException e) {
      refuse(arrival, "it has no place here: " + e.getMessage());
      return;
    }
    if (offer.tokens().start() > 0) {
      refuse(arrival, "it begins at token %d, not at 0".formatted(offer.tokens().start()));
      return;
    }
    var entry = entries.get(offer.request());
    if (entry != null && entry.first.epoch() > offer.epoch()) {
      refuse(arrival, "epoch %d is on the shelf".formatted(entry.first.epoch()));
      return;
    }
    if (entry != null && entry.first.epoch() < offer.epoch()) {
      drop(entry, "epoch %d takes its place".formatted(offer.epoch()));
      entry = null;
    }
    if (entry != null && entry.has(offer)) {
      if (entry.live > 0) {
        refuse(arrival, "it is arriving already");
        return;
      }
      drop(entry, "it is sent again");
      entry = null;
    }
    if (entry == null) {
      entry = new Entry(++lastOwner, offer);
      if (entry.wanted() > pool.blocks()) {
        refuse(arrival, "%d blocks wanted, there are %d".formatted(entry.wanted(), pool.blocks()));
        return;
      }
      entries.put(offer.request(), entry);
      waiting.add(entry);
    } else if (!entry.first.tokens().equals(offer.tokens())) {
      refuse(
          arrival,
          "tokens %s, another part has %s".formatted(offer.tokens(), entry.first.tokens()));
      return;
    }
    entry.arrivals.add(arrival);
    entry.live++;
    entry.nextPart = null;
    owners.put(arrival, entry);
    if (entry.blocks != null) {
      grant(entry, arrival, entry.blocks);
    } else {
      serve();
    }
  }

  /// Whoever waits longest is next, even if a smaller one would fit: nobody waits for ever.
  private void serve() {
    while (!waiting.isEmpty() && waiting.element().wanted() <= pool.free()) {
      var entry = waiting.remove();
      int[] blocks;
      try (var lease = pool.lend(entry.wanted())) {
        blocks = lease.blocks();
        lease.giveTo(entry.owner);
      }
      entry.blocks = blocks;
      entry.arrivals.forEach(arrival -> grant(entry, arrival, blocks));
    }
  }

  /// Blocks that are given to another meanwhile are granted to that one later, since acts are done
  /// one after the other.
  private void grant(Entry entry, KvArrival arrival, int[] blocks) {
    later(
        () -> {
          boolean isWanted;
          synchronized (this) {
            isWanted = !entry.isDropped && owners.containsKey(arrival);
          }
          try {
            var _ = isWanted && arrival.grant(memory, blocks);
          } catch (RuntimeException e) {
            arrival.refuse("the receiver cannot take it: " + e.getMessage());
            throw e;
          }
        });
  }

  @Override
  public void ended(KvArrival arrival, KvOutcome outcome) {
    synchronized (this) {
      var entry = owners.remove(arrival);
      if (entry == null) {
        return; // it was refused here
      }
      ended(entry, outcome);
    }
    acts.tell();
  }

  private void ended(Entry entry, KvOutcome outcome) {
    entry.live--;
    if (entry.isDropped) {
      free(entry);
    } else if (!(outcome instanceof KvOutcome.Done) && !stays(entry, outcome)) {
      drop(entry, "another part of it ended: " + outcome);
    } else if (entry.live == 0) {
      var kept = entry.kept();
      if (entry.isWhole()) {
        later(() -> listener.whole(kept));
      } else if (entry.isDone()) {
        entry.nextPart = Deadline.in(patience);
      } else {
        later(() -> listener.orphaned(kept));
      }
    }
  }

  private boolean stays(Entry entry, KvOutcome outcome) {
    return keepsOrphans && isLoss(outcome) && entry.blocks != null && entry.kept().tokens() > 0;
  }

  private static boolean isLoss(KvOutcome outcome) {
    return switch (outcome) {
      case KvOutcome.PeerLost _, KvOutcome.Expired _ -> true;
      case KvOutcome.Done _, KvOutcome.Refused _, KvOutcome.Cancelled _ -> false;
    };
  }

  /// Also done by whoever asks what is here: the last receiver may be gone.
  @Override
  public void tick() {
    synchronized (this) {
      for (var entry : List.copyOf(entries.values())) {
        if (entry.nextPart != null && entry.nextPart.hasPassed()) {
          drop(entry, "its other parts do not come");
        }
      }
    }
    acts.tell();
  }

  /// What is there of a request; null if nothing is, or nothing yet.
  public @Nullable Kept find(long request) {
    tick();
    synchronized (this) {
      var entry = entries.get(request);
      return entry == null || entry.blocks == null ? null : entry.kept();
    }
  }

  /// Whether all streams of a request are done.
  public synchronized boolean isWhole(long request) {
    var entry = entries.get(request);
    return entry != null && entry.isWhole();
  }

  /// Nobody wants it any more: its blocks are free, once nothing arrives there. Harmless if it is
  /// not there.
  public void drop(long request) {
    synchronized (this) {
      var entry = entries.get(request);
      if (entry != null) {
        drop(entry, "it was dropped");
      }
    }
    acts.tell();
  }

  private void drop(Entry entry, String why) {
    entry.isDropped = true;
    entries.remove(entry.first.request(), entry);
    for (var arrival : entry.arrivals) {
      if (owners.containsKey(arrival)) {
        later(() -> arrival.cancel(why));
      }
    }
    free(entry);
  }

  private void free(Entry entry) {
    if (entry.live == 0) {
      waiting.remove(entry);
      pool.release(entry.owner);
      entry.blocks = null;
      serve();
    }
  }

  public KvMemory memory() {
    return memory;
  }

  /// Blocks that nothing is in.
  public int freeBlocks() {
    tick();
    synchronized (this) {
      return pool.free();
    }
  }

  /// Requests of which something is here, on its way, or waiting for room.
  public int requests() {
    tick();
    synchronized (this) {
      return entries.size();
    }
  }
}
