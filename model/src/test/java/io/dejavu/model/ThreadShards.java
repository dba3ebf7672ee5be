package io.dejavu.model;

import io.dejavu.tensor.Device;
import io.dejavu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// Adds up head shards that run as threads of one process.
final class ThreadShards {
  private static final int PATIENCE_SECONDS = 60;

  private final float[][] partials;
  private final CyclicBarrier barrier;

  ThreadShards(int shards) {
    partials = new float[shards][];
    barrier = new CyclicBarrier(shards);
  }

  ShardSum of(int shard, Device device) {
    return partial -> sum(shard, device, partial);
  }

  private void sum(int shard, Device device, Tensor partial) {
    var mine = new float[partial.rows() * partial.columns()];
    device.download(partial.buffer(), partial.offset(), MemorySegment.ofArray(mine));
    partials[shard] = mine;
    await();
    var sum = partials[0].clone();
    for (int i = 1; i < partials.length; i++) {
      for (int e = 0; e < sum.length; e++) {
        sum[e] += partials[i][e];
      }
    }
    await();
    device.upload(MemorySegment.ofArray(sum), partial.buffer(), partial.offset());
  }

  private void await() {
    try {
      barrier.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
    } catch (BrokenBarrierException | TimeoutException e) {
      throw new IllegalStateException("a shard is missing", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }
}
