package io.dejavu.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class BlockPoolTest {
  @Test
  void whatIsGivenIsOwnedAndComesBackWithItsOwner() {
    var pool = new BlockPool(10);

    try (var lease = pool.lend(4)) {
      lease.giveTo(7);
    }

    assertThat(pool.ownedBy(7)).containsExactly(0, 1, 2, 3);
    assertThat(pool.inUse()).isEqualTo(4);
    assertThat(pool.release(7)).isEqualTo(4);
    assertThat(pool.release(7)).isZero();
    assertThat(pool.free()).isEqualTo(10);
  }

  @Test
  void aLeaseThatNobodyTookReturnsItsBlocks() {
    var pool = new BlockPool(10);

    try (var lease = pool.lend(10)) {
      assertThat(lease.blocks()).hasSize(10);
      assertThat(pool.free()).isZero();
      assertThat(pool.leaked(Set.of())).isEqualTo(10);
    }

    assertThat(pool.free()).isEqualTo(10);
    assertThat(pool.leaked(Set.of())).isZero();
  }

  @Test
  void moreThanIsFreeIsRefusedWithTheNumbers() {
    var pool = new BlockPool(10);
    pool.lend(7).giveTo(1);

    assertThatThrownBy(() -> pool.lend(4))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("4 blocks wanted, 3 of 10 free");
  }

  @Test
  void aLeaseIsGivenOnce() {
    var pool = new BlockPool(4);
    var lease = pool.lend(2);
    lease.giveTo(1);

    assertThatThrownBy(() -> lease.giveTo(2)).isInstanceOf(IllegalStateException.class);
    lease.close();
    assertThat(pool.inUse()).isEqualTo(2);
  }

  @Test
  void blocksOfAnOwnerThatIsGoneAreLeaked() {
    var pool = new BlockPool(10);
    pool.lend(3).giveTo(1);
    pool.lend(2).giveTo(2);

    assertThat(pool.leaked(Set.of(1L, 2L))).isZero();
    assertThat(pool.leaked(Set.of(1L))).isEqualTo(2);
  }

  @Test
  void theShortestExtentThatFitsIsTakenElseTheLongest() {
    var pool = new BlockPool(12);
    for (long owner = 0; owner < 12; owner++) {
      pool.lend(1).giveTo(owner);
    }
    // Free: [1, 3), [4, 9), [11, 12)
    IntStream.of(1, 2, 4, 5, 6, 7, 8, 11).forEach(pool::release);

    assertThat(blocks(pool, 2)).containsExactly(1, 2);
    assertThat(blocks(pool, 3)).containsExactly(4, 5, 6);
    assertThat(blocks(pool, 6)).containsExactly(4, 5, 6, 7, 8, 11);
    assertThat(blocks(pool, 8)).containsExactly(4, 5, 6, 7, 8, 1, 2, 11);
  }

  /// Against the dullest pool that there is: an array of owners.
  @Test
  void anyMixOfLoansGiftsAndReturnsAddsUp() {
    for (long seed = 0; seed < 300; seed++) {
      var random = new SplittableRandom(seed);
      var pool = new BlockPool(1 + random.nextInt(200));
      var ownerOf = new long[pool.blocks()];
      Arrays.fill(ownerOf, -1);
      Map<Long, List<Integer>> tables = new HashMap<>();
      for (int event = 0; event < 200; event++) {
        var what = "seed %d, event %d".formatted(seed, event);
        long owner = random.nextInt(12);
        int free = (int) Arrays.stream(ownerOf).filter(o -> o == -1).count();
        assertThat(pool.free()).as(what).isEqualTo(free);
        switch (random.nextInt(4)) {
          case 0 -> {
            int returned = pool.release(owner);
            assertThat(returned)
                .as(what)
                .isEqualTo((int) Arrays.stream(ownerOf).filter(o -> o == owner).count());
            Arrays.setAll(ownerOf, b -> ownerOf[b] == owner ? -1 : ownerOf[b]);
            tables.remove(owner);
          }
          case 1 -> {
            try (var lease = pool.lend(random.nextInt(free + 1))) {
              pool.check();
              for (int block : lease.blocks()) {
                assertThat(ownerOf[block]).as(what).isEqualTo(-1);
              }
            }
          }
          default -> {
            try (var lease = pool.lend(random.nextInt(free + 1))) {
              lease.giveTo(owner);
              for (int block : lease.blocks()) {
                assertThat(ownerOf[block]).as(what).isEqualTo(-1);
                ownerOf[block] = owner;
                tables.computeIfAbsent(owner, _ -> new ArrayList<>()).add(block);
              }
            }
          }
        }
        pool.check();
        assertThat(pool.leaked(tables.keySet())).as(what).isZero();
        tables.forEach(
            (o, table) ->
                assertThat(pool.ownedBy(o))
                    .as(what)
                    .containsExactly(table.stream().mapToInt(Integer::intValue).toArray()));
      }
    }
  }

  private static int[] blocks(BlockPool pool, int wanted) {
    try (var lease = pool.lend(wanted)) {
      return lease.blocks();
    }
  }

  @Test
  void ownersShareWhatIsPublished() {
    var pool = new BlockPool(6);
    give(pool, 1, 3);
    var chain = chain(3);
    publish(pool, 1, chain);

    assertThat(pool.share(2, chain.subList(0, 2))).isEqualTo(2);
    assertThat(pool.ownedBy(2)).containsExactly(0, 1);
    assertThat(pool.inUse()).isEqualTo(3);
    assertThat(pool.sharings()).isEqualTo(2);
    pool.release(1);
    assertThat(pool.inUse()).isEqualTo(2);
    assertThat(pool.cached()).isEqualTo(1);
    assertThat(pool.free()).isEqualTo(4);
    pool.check();
  }

  @Test
  void nothingIsFoundBehindAGap() {
    var pool = new BlockPool(6);
    give(pool, 1, 3);
    var chain = chain(3);
    pool.publish(1, 0, chain.get(0));
    pool.publish(1, 2, chain.get(2));

    assertThat(pool.share(2, chain)).isEqualTo(1);
    assertThat(pool.share(3, chain.subList(1, 3))).isZero();
    assertThat(pool.ownedBy(3)).isEmpty();
  }

  @Test
  void theTailOfWhatIsLongestUnusedIsGivenUpFirst() {
    var pool = new BlockPool(5);
    give(pool, 1, 3);
    var chain = chain(3);
    publish(pool, 1, chain);
    pool.release(1);
    assertThat(pool.free()).isEqualTo(5);
    give(pool, 2, 2); // those that hold nothing
    assertThat(pool.cached()).isEqualTo(3);

    give(pool, 3, 1);

    assertThat(pool.holds(chain.get(1))).isTrue();
    assertThat(pool.holds(chain.get(2))).isFalse();
    assertThat(pool.share(4, chain)).isEqualTo(2);
    assertThatThrownBy(() -> pool.lend(1)).hasMessage("1 blocks wanted, 0 of 5 free");
    pool.check();
  }

  @Test
  void whatTwoHaveComputedIsKeptOnce() {
    var pool = new BlockPool(4);
    give(pool, 1, 2);
    give(pool, 2, 2);
    var chain = chain(2);
    publish(pool, 1, chain);

    assertThat(pool.publish(2, 0, chain.get(0))).isZero();

    assertThat(pool.ownedBy(2)).containsExactly(0, 3);
    assertThat(pool.inUse()).isEqualTo(3);
    assertThat(pool.publish(2, 0, chain.get(0))).isZero(); // again
    pool.check();
    assertThat(pool.leaked(Set.of(2L))).isEqualTo(1);
    assertThat(pool.leaked(Set.of(1L, 2L))).isZero();
  }

  @Test
  void whatIsRetractedIsNotFoundAndIsFreeWhenNobodyHasIt() {
    var pool = new BlockPool(4);
    give(pool, 1, 2);
    var chain = chain(2);
    publish(pool, 1, chain);
    pool.share(2, chain.subList(0, 1));

    pool.retract(1);
    pool.release(1);

    assertThat(pool.share(3, chain)).isZero();
    assertThat(pool.cached()).isZero();
    assertThat(pool.inUse()).isEqualTo(1);
    pool.release(2);
    assertThat(pool.inUse()).isZero();
    pool.check();
  }

  @Test
  void whatIsFreeOrCachedCanBeAdopted() {
    var pool = new BlockPool(6);
    give(pool, 1, 2);
    var chain = chain(2);
    publish(pool, 1, chain);
    pool.release(1);

    assertThat(pool.adopt(2, new int[] {5, 1}, 1)).isTrue();

    assertThat(pool.ownedBy(2)).containsExactly(5, 1);
    assertThat(pool.holds(chain.get(0))).isTrue();
    assertThat(pool.holds(chain.get(1))).isFalse();
    assertThat(pool.free()).isEqualTo(4);
    pool.check();
    pool.release(2);
    assertThat(pool.inUse()).isZero();
    pool.check();
  }

  @Test
  void fullBlocksMayBeAdoptedBySeveral() {
    var pool = new BlockPool(6);

    assertThat(pool.adopt(1, new int[] {0, 1, 2}, 2)).isTrue();
    assertThat(pool.adopt(2, new int[] {0, 1, 3}, 2)).isTrue();
    assertThat(pool.adopt(3, new int[] {0, 2}, 1)).isFalse(); // the first writes to 2
    assertThat(pool.adopt(3, new int[] {0, 1}, 1)).isFalse(); // it would write to 1
    assertThat(pool.adopt(3, new int[] {4, 4}, 1)).isFalse();
    assertThat(pool.adopt(3, new int[] {6}, 1)).isFalse();

    assertThat(pool.sharings()).isEqualTo(2);
    assertThat(pool.ownedBy(3)).isEmpty();
    pool.check();
    pool.release(1);
    assertThat(pool.inUse()).isEqualTo(3);
    pool.release(2);
    assertThat(pool.inUse()).isZero();
    pool.check();
  }

  @Test
  void whatIsLentOrGivenCannotBeAdopted() {
    var pool = new BlockPool(4);
    give(pool, 1, 1);
    try (var lease = pool.lend(1)) {
      assertThat(pool.adopt(2, new int[] {0}, 1)).isFalse();
      assertThat(pool.adopt(2, lease.blocks(), 1)).isFalse();
    }
    assertThatThrownBy(() -> pool.adopt(1, new int[] {3}, 1))
        .isInstanceOf(IllegalStateException.class);
    pool.check();
  }

  private static void give(BlockPool pool, long owner, int blocks) {
    try (var lease = pool.lend(blocks)) {
      lease.giveTo(owner);
    }
  }

  private static void publish(BlockPool pool, long owner, List<BlockHash> chain) {
    for (int i = 0; i < chain.size(); i++) {
      pool.publish(owner, i, chain.get(i));
    }
  }

  private static List<BlockHash> chain(int blocks) {
    var chain = new ArrayList<BlockHash>();
    var hash = BlockHash.root("a model");
    for (int i = 0; i < blocks; i++) {
      hash = hash.next(new int[] {i}, 0, 1);
      chain.add(hash);
    }
    return chain;
  }
}
