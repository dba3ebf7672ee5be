package io.dejavu.local;

import io.dejavu.engine.BlockSource;
import io.dejavu.engine.StepCommand;
import io.dejavu.engine.StepEvent;
import io.dejavu.engine.Tier;
import io.dejavu.engine.TierConfig;
import io.dejavu.kv.BlockHash;
import io.dejavu.kv.HostBlocks;
import io.dejavu.kv.KvConfig;
import io.dejavu.kv.KvMemory;
import io.dejavu.kv.disk.KvDisk;
import io.dejavu.kv.disk.KvFile;
import io.dejavu.kv.disk.KvLabel;
import io.dejavu.tensor.HostBuffer;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/// Does what the planner decides about blocks behind the prefix cache: copies to host memory and
/// back at once, to and from the disk's buffers, and reports what has become of it. Owned by the
/// step loop's thread, which never waits here.
public final class CacheStore implements AutoCloseable {
  private static final int MOST_BLOCKS = 1 << 26;

  // Null: there is none.
  private final @Nullable KvMemory memory;
  private final @Nullable HostBlocks host;
  private final @Nullable KvDisk disk;
  private final TierConfig config;

  // By ticket: a sequence may be loaded again while reads for it that came too late are under way.
  private final Map<Long, Pending> pending = new HashMap<>();
  private long tickets;
  private boolean known;
  private final Queue<StepEvent> events = new ArrayDeque<>();

  /// A load under way.
  private static final class Pending {
    final long ticket;
    final StepCommand.Load load;
    final long deadline;
    final boolean[] here;
    int reads;

    Pending(long ticket, StepCommand.Load load, long deadline) {
      this.ticket = ticket;
      this.load = load;
      this.deadline = deadline;
      here = new boolean[load.blocks().length];
    }

    int count() {
      int count = 0;
      while (count < here.length && here[count]) {
        count++;
      }
      return count;
    }
  }

  private CacheStore(
      @Nullable KvMemory memory,
      @Nullable HostBlocks host,
      @Nullable KvDisk disk,
      TierConfig config) {
    this.memory = memory;
    this.host = host;
    this.disk = disk;
    this.config = config;
  }

  /// Nothing is behind the prefix cache.
  static CacheStore none() {
    return new CacheStore(null, null, null, TierConfig.NONE);
  }

  /// Opens what `config` asks for.
  ///
  /// @param model tells caches of different models apart
  /// @throws IllegalArgumentException if the disk cannot be used
  static CacheStore open(KvMemory memory, KvConfig config, String model) {
    var tiers = config.tiers();
    var directory = tiers.disk();
    if (!config.prefixCache() || (tiers.hostBytes() == 0 && directory == null)) {
      return none();
    }
    long blockBytes = memory.layout().blockBytes();
    int hostBlocks = (int) Math.min(MOST_BLOCKS, tiers.hostBytes() / blockBytes);
    if (directory == null) {
      var limits = new TierConfig(hostBlocks, 0, 1, 1);
      return new CacheStore(memory, new HostBlocks(memory, hostBlocks), null, limits);
    }
    try {
      var file = KvFile.forBlocks(directory, model, memory.layout(), tiers.diskBytes());
      int slots = Math.min(MOST_BLOCKS, file.slots());
      var disk = KvDisk.start(file);
      var limits = new TierConfig(hostBlocks, slots, disk.records(), KvDisk.BUFFERS);
      return new CacheStore(memory, new HostBlocks(memory, hostBlocks), disk, limits);
    } catch (IOException e) {
      throw new IllegalArgumentException(
          "blocks cannot be kept in %s: %s".formatted(directory, e.getMessage()), e);
    }
  }

  TierConfig config() {
    return config;
  }

  /// @param wake called by other threads when there is something to {@link #poll}
  void onArrival(Runnable wake) {
    if (disk != null) {
      disk.onArrival(wake);
    }
  }

  /// Copies a block to the host.
  ///
  /// @throws OutOfMemoryError if there is no memory for it
  void spill(StepCommand.Spill spill) {
    if (host == null) {
      throw new IllegalStateException("there is no host memory for blocks");
    }
    host.put(spill.slot(), spill.content(), spill.block());
  }

  /// Copies blocks and has them written.
  ///
  /// @param tokensPerSecond how fast prompts are computed here
  void store(StepCommand.Store store, double tokensPerSecond) {
    var buffer = disk == null ? null : disk.bufferToWrite();
    if (disk == null || memory == null || buffer == null) {
      throw new IllegalStateException("no buffer for %d blocks".formatted(store.blocks().length));
    }
    var labels = new ArrayList<KvLabel>();
    for (int i = 0; i < store.blocks().length; i++) {
      memory.copyOut(new int[] {store.blocks()[i]}, disk.block(buffer, i));
      labels.add(KvLabel.block(store.contents().get(i), memory.layout(), tokensPerSecond));
    }
    disk.write(store.slot(), labels, buffer);
  }

  /// Copies to blocks what the host has, and has the rest read.
  ///
  /// @param now by `System.nanoTime()`
  /// @param pace is told how fast the host was
  void load(StepCommand.Load load, long now, Pace pace) {
    var wanted = new Pending(++tickets, load, now + (long) (load.seconds() * 1e9));
    int copied = 0;
    long begin = System.nanoTime();
    for (int i = 0; i < load.blocks().length; i++) {
      var source = load.sources().get(i);
      if (source.tier() == Tier.HOST) {
        wanted.here[i] =
            host != null && host.get(source.slot(), source.content(), load.blocks()[i]);
        if (!wanted.here[i]) {
          events.add(new StepEvent.Lost(Tier.HOST, source.content()));
        }
        copied++;
      }
    }
    if (copied > 0 && memory != null) {
      pace.copied(copied * memory.layout().blockBytes(), System.nanoTime() - begin);
    }
    read(wanted);
    pending.put(wanted.ticket, wanted);
    if (wanted.reads == 0) {
      finish(wanted);
    }
  }

  private void read(Pending wanted) {
    var sources = wanted.load.sources();
    for (int i = 0; i < sources.size(); ) {
      int end = i + 1;
      if (sources.get(i).tier() == Tier.DISK && disk != null) {
        while (end < sources.size()
            && end - i < disk.records()
            && follows(sources.get(end), sources.get(end - 1))) {
          end++;
        }
        var contents = sources.subList(i, end).stream().map(BlockSource::content).toList();
        disk.read(new KvDisk.Read(wanted.ticket, i, sources.get(i).slot(), contents));
        wanted.reads++;
      }
      i = end;
    }
  }

  private static boolean follows(BlockSource next, BlockSource before) {
    return next.tier() == Tier.DISK && next.slot() == before.slot() + 1;
  }

  /// Whether a sequence waits for something.
  boolean isLoading() {
    return !pending.isEmpty();
  }

  /// What has happened.
  ///
  /// @param now by `System.nanoTime()`
  /// @param pace is told how fast the disk is
  List<StepEvent> poll(long now, Pace pace) {
    for (var arrival = next(); arrival != null; arrival = next()) {
      switch (arrival) {
        case KvDisk.Arrival.Scanned(var found) -> scanned(found, pace);
        case KvDisk.Arrival.Tried(var bytes, var nanos) -> pace.read(bytes, nanos);
        case KvDisk.Arrival.Written(var slot, var contents, var whole) ->
            events.add(new StepEvent.Stored(slot, contents, whole));
        case KvDisk.Arrival.Arrived arrived -> {
          pace.read(arrived.bytes(), arrived.nanos());
          arrived(arrived);
        }
      }
    }
    for (var wanted : List.copyOf(pending.values())) {
      if (wanted.deadline - now < 0) {
        // Else it would be tried again and again: so slow it was.
        pace.read(1, 1_000_000);
        finish(wanted);
      }
    }
    return drain();
  }

  private KvDisk.@Nullable Arrival next() {
    return disk == null ? null : disk.poll();
  }

  /// Whether it is known what there is from a process before, or nothing can be.
  boolean isKnown() {
    return disk == null || known;
  }

  private void scanned(List<KvFile.Found> found, Pace pace) {
    known = true;
    if (!found.isEmpty()) {
      pace.assume(found.getLast().label().tokensPerSecond());
    }
    events.add(
        new StepEvent.Found(
            found.stream()
                .map(one -> new BlockSource(one.label().content(), Tier.DISK, one.slot()))
                .toList()));
  }

  private void arrived(KvDisk.Arrival.Arrived arrived) {
    var read = arrived.read();
    var wanted = pending.get(read.ticket());
    copyIn(wanted, arrived);
    if (disk != null) {
      disk.release(arrived.buffer());
    }
    if (arrived.good() < read.contents().size()) {
      BlockHash damaged = read.contents().get(arrived.good());
      events.add(new StepEvent.Lost(Tier.DISK, damaged));
    }
    if (wanted != null && --wanted.reads == 0) {
      finish(wanted);
    }
  }

  private void copyIn(@Nullable Pending wanted, KvDisk.Arrival.Arrived arrived) {
    if (wanted == null || disk == null || memory == null) {
      return; // It came too late.
    }
    HostBuffer buffer = arrived.buffer();
    for (int i = 0; i < arrived.good(); i++) {
      int index = arrived.read().index() + i;
      memory.copyIn(disk.block(buffer, i), new int[] {wanted.load.blocks()[index]});
      wanted.here[index] = true;
    }
  }

  private void finish(Pending wanted) {
    pending.remove(wanted.ticket);
    events.add(new StepEvent.Loaded(wanted.load.sequence(), wanted.count()));
  }

  /// Waits for nothing any more.
  List<StepEvent> giveUp() {
    List.copyOf(pending.values()).forEach(this::finish);
    return drain();
  }

  private List<StepEvent> drain() {
    var all = new ArrayList<>(events);
    events.clear();
    return all;
  }

  /// Copies a block to the host and back, to see how fast that is.
  void tryCopying(int block, Pace pace) {
    if (memory == null) {
      return;
    }
    long bytes = memory.layout().blockBytes();
    try (var buffer = HostBuffer.allocate(bytes, 64)) {
      for (int round = 0; round < 3; round++) {
        long begin = System.nanoTime();
        memory.copyOut(new int[] {block}, buffer.segment());
        memory.copyIn(buffer.segment(), new int[] {block});
        pace.copied(2 * bytes, System.nanoTime() - begin);
      }
    }
  }

  @Override
  public void close() {
    if (disk != null) {
      disk.close();
    }
    if (host != null) {
      host.close();
    }
  }
}
