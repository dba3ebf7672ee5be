package io.dejavu.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.groups.Tuple.tuple;

import io.dejavu.tensor.DType;
import java.util.List;
import org.junit.jupiter.api.Test;

class ReshardingTest {
  @Test
  void equalSidesSendOneToOne() {
    for (int shards : List.of(1, 2, 4, 8)) {
      // With 8 shards of 4 heads every head is there twice.
      var side = side(7, 4, 3, shards);
      var resharding = Resharding.between(side, side);

      assertThat(resharding.routes()).hasSize(3 * shards);
      assertThat(resharding.routes())
          .allMatch(r -> r.fromStage() == r.toStage() && r.fromShard() == r.toShard());
    }
  }

  @Test
  void aDeeperSideSendsToAShallowerOneWithoutADivisor() {
    // Layers [0, 3), [3, 5), [5, 7) to [0, 4), [4, 7).
    var resharding = Resharding.between(side(7, 4, 3, 1), side(7, 4, 2, 1));

    assertThat(resharding.routes())
        .extracting(Route::toString)
        .containsExactly(
            "layers [0, 3), heads [0, 4) from stage 0 shard 0 to stage 0 shard 0",
            "layers [3, 4), heads [0, 4) from stage 1 shard 0 to stage 0 shard 0",
            "layers [4, 5), heads [0, 4) from stage 1 shard 0 to stage 1 shard 0",
            "layers [5, 7), heads [0, 4) from stage 2 shard 0 to stage 1 shard 0");
    assertThat(resharding.routes(1, 0)).hasSize(2);
    assertThat(resharding.sources(0, 0)).hasSize(2);
  }

  @Test
  void headsAreCutWhereEitherSideCutsThem() {
    var two = side(1, 6, 1, 2);
    var three = side(1, 6, 1, 3);

    assertThat(Resharding.between(two, three).routes())
        .extracting(Route::fromShard, Route::toShard, Route::heads)
        .containsExactly(
            tuple(0, 0, new HeadRange(0, 2)),
            tuple(0, 1, new HeadRange(2, 3)),
            tuple(1, 1, new HeadRange(3, 4)),
            tuple(1, 2, new HeadRange(4, 6)));
  }

  @Test
  void aHeadThatSeveralHaveComesFromOneAndReceiversAreSpread() {
    var eight = side(1, 2, 1, 8);

    assertThat(Resharding.between(eight, side(1, 2, 1, 4)).routes())
        .extracting(Route::fromShard)
        .containsExactly(0, 2, 4, 6);
    assertThat(Resharding.between(eight, side(1, 2, 1, 1)).sources(0, 0))
        .extracting(Route::fromShard)
        .containsExactly(0, 4);
    assertThat(Resharding.between(eight, side(1, 2, 1, 1)).routes(0, 1)).isEmpty();
    assertThat(Resharding.between(side(1, 2, 1, 2), eight).routes(0, 1))
        .extracting(Route::toShard)
        .containsExactly(4, 5, 6, 7);
  }

  @Test
  void aRouteOfTokensIsASlice() {
    var route = Resharding.between(side(7, 4, 3, 1), side(7, 4, 2, 1)).routes().get(1);

    assertThat(route.slice(new TokenRange(3, 9)))
        .isEqualTo(new KvSlice(new LayerRange(3, 4), new TokenRange(3, 9), new HeadRange(0, 4)));
  }

  @Test
  void sidesThatDoNotMatchAreRefused() {
    var side = side(7, 4, 2, 2);

    assertThatIllegalArgumentException()
        .isThrownBy(() -> Resharding.between(side, side(8, 4, 2, 2)))
        .withMessage("sides differ in layers: 7 sent, 8 received");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Resharding.between(side, side(7, 2, 2, 2)))
        .withMessage("sides differ in kv heads: 4 sent, 2 received");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Resharding.between(side, KvSide.even(7, 4, 4, DType.F32, 2, 2, 16)))
        .withMessage("sides differ in elements per head: 8 sent, 4 received");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Resharding.between(side, KvSide.even(7, 4, 8, DType.BF16, 2, 2, 16)))
        .withMessage("sides differ in type: F32 sent, BF16 received");
  }

  @Test
  void sidesThatLackSomethingAreRefused() {
    var heads = List.of(HeadRange.all(2));
    var layers = List.of(new LayerRange(0, 2));

    assertRefused(
        List.of(new LayerRange(0, 2), new LayerRange(3, 4)),
        heads,
        "stages [[0, 2), [3, 4)] do not have layer 2 once");
    assertRefused(
        List.of(new LayerRange(0, 2), new LayerRange(1, 4)),
        heads,
        "stages [[0, 2), [1, 4)] do not have layer 1 once");
    assertRefused(List.of(new LayerRange(1, 2)), heads, "stages [[1, 2)] do not have layer 0 once");
    assertRefused(List.of(), heads, "no stages");
    assertRefused(layers, List.of(new HeadRange(1, 2)), "no shard of [[1, 2)] has head 0 of 2");
    assertRefused(layers, List.of(HeadRange.all(3)), "shard [0, 3) of 2 heads");
    assertRefused(layers, List.of(), "no shard of [] has head 0 of 2");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> side(7, 4, 8, 1))
        .withMessage("7 layers in 8 stages of 1 shards");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> KvSide.even(7, 4, 8, DType.F32, 1, 1, 12))
        .withMessage("blocks of 12 tokens");
  }

  private static void assertRefused(
      List<LayerRange> stages, List<HeadRange> shards, String message) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new KvSide(2, 8, DType.F32, stages, shards, 16))
        .withMessage(message);
  }

  private static KvSide side(int layers, int kvHeads, int stages, int shards) {
    return KvSide.even(layers, kvHeads, 8, DType.F32, stages, shards, 16);
  }
}
