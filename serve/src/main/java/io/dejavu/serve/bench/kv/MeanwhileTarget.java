package io.dejavu.serve.bench.kv;

import io.dejavu.kv.LayerRange;
import io.dejavu.serve.bench.kv.BenchSequences.Part;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// Sends to another target, in order, by the thread `kv-writer`, while the next is computed.
final class MeanwhileTarget implements KvStreamBench.Target {
  /// Sends that may wait; if there are more, the target is slower than the model, which then waits.
  private static final int MOST_WAITING = 4096;

  private final KvStreamBench.Target target;
  private final Semaphore room = new Semaphore(MOST_WAITING);
  private final ExecutorService writer =
      Executors.newSingleThreadExecutor(
          task -> Thread.ofPlatform().daemon().name("kv-writer").unstarted(task));

  /// Complete when all before it is; what fails in between fails it.
  private CompletableFuture<Void> last = CompletableFuture.completedFuture(null);

  MeanwhileTarget(KvStreamBench.Target target) {
    this.target = target;
  }

  @Override
  public void begin() throws IOException {
    target.begin();
  }

  @Override
  public void send(LayerRange layers, List<Part> parts) throws IOException {
    try {
      if (!room.tryAcquire(KvPeer.PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
        throw new IOException("nothing is written any more");
      }
    } catch (InterruptedException e) {
      throw interrupted(e);
    }
    last =
        last.thenRunAsync(() -> write(layers, parts), writer)
            .whenComplete((_, _) -> room.release());
  }

  private void write(LayerRange layers, List<Part> parts) {
    try {
      target.send(layers, parts);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void await() throws IOException {
    try {
      last.get(KvPeer.PATIENCE.toSeconds(), TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      throw interrupted(e);
    } catch (ExecutionException | TimeoutException e) {
      throw new IOException("not everything was written", e);
    }
    target.await();
  }

  private static IOException interrupted(InterruptedException e) {
    Thread.currentThread().interrupt();
    return new IOException("interrupted", e);
  }

  @Override
  public int[] digests(int tokens) throws IOException {
    return target.digests(tokens);
  }

  /// Leaves the other target open.
  @Override
  public void close() {
    writer.shutdown();
  }
}
