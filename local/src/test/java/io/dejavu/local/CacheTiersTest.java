package io.dejavu.local;

import static io.dejavu.local.Listener.accepted;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.dejavu.backend.cpu.CpuKernels;
import io.dejavu.engine.Engine;
import io.dejavu.engine.EngineConfig;
import io.dejavu.engine.GenerationEvent;
import io.dejavu.engine.GenerationEvent.Finished;
import io.dejavu.engine.GenerationRequest;
import io.dejavu.kv.KvConfig;
import io.dejavu.kv.KvTierConfig;
import io.dejavu.tensor.Kernels;
import io.dejavu.tensor.Sampling;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Host memory and disk behind the prefix cache, with the bundled model and a pool too small for
/// what comes.
@Timeout(120)
class CacheTiersTest {
  private static final EngineConfig ENGINE = new EngineConfig(256, 8, 100, 512);
  private static final long POOL_BYTES = 8 << 20;

  private static Kernels kernels;
  @TempDir private Path disk;

  @BeforeAll
  static void openKernels() {
    kernels = CpuKernels.open(CpuKernels.AUTO, 2);
  }

  @AfterAll
  static void closeKernels() {
    kernels.close();
  }

  /// Random prompts that begin alike, several at a time, on a pool that holds two of them.
  @Test
  void tokensAreTheSameWithTiersAndWithout() throws InterruptedException {
    var random = new SplittableRandom(11);
    var requests = new ArrayList<GenerationRequest>();
    for (int i = 0; i < 24; i++) {
      requests.add(request(random.nextInt(6), 100 + random.nextInt(300), 8));
    }
    var off = run(requests, KvTierConfig.NONE);
    var host = run(requests, new KvTierConfig(1L << 30, null, 1L << 30));
    var both = run(requests, new KvTierConfig(2L << 20, disk, 1L << 30));
    var again = run(requests, new KvTierConfig(0, disk, 1L << 30));

    assertThat(host.tokens).isEqualTo(off.tokens);
    assertThat(both.tokens).isEqualTo(off.tokens);
    assertThat(again.tokens).isEqualTo(off.tokens);
    assertThat(off.tiers).isEqualTo(Engine.Tiers.ZERO);
    assertThat(host.tiers.host().hits()).isPositive();
    assertThat(host.tiers.disk()).isEqualTo(Engine.TierCounts.ZERO);
    assertThat(both.tiers.disk().storedBytes()).isPositive();
    assertThat(again.tiers.disk().hits()).isPositive();
    assertThat(again.tiers.host()).isEqualTo(Engine.TierCounts.ZERO);
  }

  @Test
  void afterARestartARepeatedPromptComesFromDisk() throws InterruptedException {
    var request = request(1, 300, 4);
    var tiers = new KvTierConfig(0, disk, 1L << 30);
    Finished first;
    try (var loop = open(tiers)) {
      first = finished(loop, request);
    }
    assertThat(first.cachedTokens()).isZero();

    try (var loop = open(tiers)) {
      // How fast prompts are computed here, the records say.
      var second = finished(loop, request);

      assertThat(second.cachedTokens()).isEqualTo(288);
      assertThat(loop.status().totals().tiers().disk().hits()).isEqualTo(18);
      assertThat(loop.status().totals().promptTokens()).isEqualTo(12);
    }
  }

  @Test
  void whatIsDamagedOnDiskIsComputedAgain() throws IOException, InterruptedException {
    var request = request(1, 300, 4);
    var tiers = new KvTierConfig(0, disk, 1L << 30);
    List<Integer> tokens;
    try (var loop = open(tiers)) {
      tokens = tokens(loop, request);
    }
    damage();

    try (var loop = open(tiers)) {
      assertThat(tokens(loop, request)).isEqualTo(tokens);
      var counts = loop.status().totals().tiers().disk();
      assertThat(counts.hits()).isEqualTo(9);
      assertThat(counts.failures()).isEqualTo(1);
    }
  }

  /// A byte of the tenth of 18 blocks.
  private void damage() throws IOException {
    try (var files = Files.list(disk)) {
      var file = files.findFirst().orElseThrow();
      var bytes = Files.readAllBytes(file);
      bytes[bytes.length / 2 + 5000] ^= 1;
      Files.write(file, bytes, StandardOpenOption.TRUNCATE_EXISTING);
    }
  }

  @Test
  void anotherModelFindsNothing() throws InterruptedException {
    var request = request(1, 300, 4);
    var tiers = new KvTierConfig(0, disk, 1L << 30);
    try (var loop = open(tiers)) {
      finished(loop, request);
    }

    try (var loop = open(tiers, "other weights")) {
      assertThat(finished(loop, request).cachedTokens()).isZero();
    }
    assertThat(disk).isDirectoryContaining("glob:**kv-*.dejavu");
  }

  @Test
  void oneProcessUsesADirectoryAtATime() {
    var tiers = new KvTierConfig(0, disk, 1L << 30);
    try (var _ = open(tiers)) {
      assertThatThrownBy(() -> open(tiers))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("uses it already");
    }
  }

  @Test
  void clientsThatLeaveWhileTheirBlocksComeLeaveNothingBehind() throws InterruptedException {
    var tiers = new KvTierConfig(1L << 20, disk, 1L << 30);
    try (var loop = open(tiers)) {
      var random = new SplittableRandom(3);
      for (int i = 0; i < 40; i++) {
        var listener = new Listener();
        var generation =
            accepted(
                loop.submit(request(random.nextInt(5), 200 + random.nextInt(200), 4), listener));
        if (random.nextInt(3) > 0) {
          LockSupport.parkNanos(random.nextLong(1 + (1L << random.nextInt(26))));
          generation.cancel();
        }
        listener.end();
      }
      while (loop.status().blocksInUse() > 0) {
        Thread.sleep(1); // The class's time-out ends it.
      }
      assertThat(loop.status().blocksLeaked()).isZero();
      assertThat(loop.status().healthy()).isTrue();
    }
  }

  private record Run(List<List<Integer>> tokens, Engine.Tiers tiers) {}

  private static Run run(List<GenerationRequest> requests, KvTierConfig tiers)
      throws InterruptedException {
    try (var loop = open(tiers)) {
      var listeners = new ArrayList<Listener>();
      for (var request : requests) {
        listeners.add(new Listener());
        accepted(loop.submit(request, listeners.getLast()));
        if (listeners.size() % 3 == 0) {
          listeners.getLast().end();
        }
      }
      var tokens = new ArrayList<List<Integer>>();
      for (var listener : listeners) {
        assertThat(listener.end()).isInstanceOf(Finished.class);
        tokens.add(ids(listener));
      }
      return new Run(tokens, loop.status().totals().tiers());
    }
  }

  private static Finished finished(StepLoop loop, GenerationRequest request)
      throws InterruptedException {
    var listener = new Listener();
    accepted(loop.submit(request, listener));
    return (Finished) listener.end();
  }

  private static List<Integer> tokens(StepLoop loop, GenerationRequest request)
      throws InterruptedException {
    var listener = new Listener();
    accepted(loop.submit(request, listener));
    listener.end();
    return ids(listener);
  }

  private static List<Integer> ids(Listener listener) {
    return listener.events().stream()
        .filter(GenerationEvent.Token.class::isInstance)
        .map(event -> ((GenerationEvent.Token) event).id())
        .toList();
  }

  /// One of a few beginnings.
  private static GenerationRequest request(int beginning, int tokens, int maxTokens) {
    var prompt = new SplittableRandom(beginning).ints(tokens, 4, 2048).toArray();
    return GenerationRequest.of("r", prompt, Sampling.GREEDY, 0, maxTokens);
  }

  private static StepLoop open(KvTierConfig tiers) {
    return open(tiers, "");
  }

  /// Everything is quicker to load than to compute.
  private static StepLoop open(KvTierConfig tiers, String identity) {
    return BundledLoop.open(
        kernels,
        ENGINE,
        KvConfig.DEFAULT.withBytes(POOL_BYTES).withTiers(tiers),
        StepLoopConfig.DEFAULT,
        identity,
        pipeline -> new SlowPrompts(pipeline, plan -> 50_000L * plan.tokens()));
  }
}
