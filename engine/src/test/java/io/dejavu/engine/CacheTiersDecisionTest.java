package io.dejavu.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.kv.BlockHash;
import io.dejavu.kv.BlockPool;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// What is loaded and what is computed, by what both were measured to take.
class CacheTiersDecisionTest {
  private static final int BLOCK_TOKENS = 10;
  private static final int BLOCK_BYTES = 1000;

  private final BlockPool pool = new BlockPool(10);
  private final CacheTiers tiers =
      new CacheTiers(
          SchedulingConfig.of(BLOCK_TOKENS)
              .withSwap(0, BLOCK_BYTES)
              .withTiers(new TierConfig(0, 50, 4, 2)),
          pool);

  @Test
  void whatIsQuickerToLoadIsLoaded() {
    have(8);
    speeds(1000, 200_000); // 10 ms to compute a block, 5 ms to read it

    var loading = tiers.load(chain(10));

    assertThat(loading.sources()).hasSize(8);
    assertThat(loading.sources().getLast()).isEqualTo(new BlockSource(hash(7), Tier.DISK, 7));
    assertThat(tiers.totals().misses()).isEqualTo(2);
  }

  @Test
  void whatIsQuickerToComputeIsComputed() {
    have(8);
    speeds(1000, 90_000);

    assertThat(tiers.load(chain(10)).sources()).isEmpty();
    assertThat(tiers.totals().declined()).isEqualTo(8);
  }

  @Test
  void whatWasNotMeasuredIsComputed() {
    have(8);
    speeds(0, 200_000);
    assertThat(tiers.load(chain(10)).sources()).isEmpty();

    speeds(1000, 0);
    assertThat(tiers.load(chain(10)).sources()).isEmpty();
  }

  /// 1 ms before the first block comes, 5.5 ms to read it, 6 ms to compute it.
  @Test
  void aFewBlocksAreNotWorthTheWait() {
    have(8);
    tiers.costs(new PreemptionCosts(0, BLOCK_TOKENS / 0.006, BLOCK_BYTES / 0.0055));

    assertThat(tiers.load(chain(1)).sources()).isEmpty();
    assertThat(tiers.load(chain(3)).sources()).hasSize(3);
  }

  @Test
  void whatIsReadAlreadyMakesTheDiskSlower() {
    have(20);
    speeds(1000, 200_000);
    var first = tiers.load(chain(20));
    assertThat(first.sources()).hasSize(20);

    // 100 ms of reading before the first of its own, of which each saves 5 ms.
    assertThat(tiers.load(chain(20)).sources()).isEmpty();

    tiers.loaded(first.sources(), 20);
    assertThat(tiers.load(chain(20)).sources()).hasSize(20);
    assertThat(tiers.totals().disk().hits()).isEqualTo(20);
  }

  /// A request that comes while nothing is to do waits for one short copy.
  @Test
  void whileNothingIsToDoLittleIsCopiedAtATime() {
    compute(10);
    tiers.costs(new PreemptionCosts(3 * BLOCK_BYTES / 0.0002, 1000, 0));

    assertThat(stored(0)).containsExactly(3);
    assertThat(stored(0)).containsExactly(3);
    assertThat(stored(0)).isEmpty(); // Two are under way.
  }

  @Test
  void besideStepsBuffersAreFilledAsFarAsThatCostsOneHundredth() {
    compute(10);
    tiers.costs(new PreemptionCosts(3 * BLOCK_BYTES / 0.0002, 1000, 0));

    assertThat(stored(1)).isEmpty();
    assertThat(stored(1000)).containsExactly(4, 4);
  }

  private void compute(int blocks) {
    tiers.found(List.of());
    try (var lease = pool.lend(blocks)) {
      lease.giveTo(1);
    }
    for (int i = 0; i < blocks; i++) {
      pool.publish(1, i, hash(i));
      tiers.published(hash(i));
    }
  }

  /// Blocks of each `Store` before a step of so many tokens.
  private List<Integer> stored(int tokens) {
    tiers.begin();
    return tiers.finish(tokens).stream()
        .map(command -> ((StepCommand.Store) command).blocks().length)
        .toList();
  }

  private void have(int blocks) {
    tiers.found(
        IntStream.range(0, blocks).mapToObj(i -> new BlockSource(hash(i), Tier.DISK, i)).toList());
  }

  private void speeds(double prefillTokens, double diskBytes) {
    tiers.costs(new PreemptionCosts(0, prefillTokens, diskBytes));
  }

  private static List<BlockHash> chain(int blocks) {
    return IntStream.range(0, blocks).mapToObj(CacheTiersDecisionTest::hash).toList();
  }

  private static BlockHash hash(int content) {
    return new BlockHash(content, 0, 0, 0);
  }
}
