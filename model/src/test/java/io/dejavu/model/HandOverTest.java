package io.dejavu.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.kv.KvLayout;
import io.dejavu.kv.KvMemory;
import io.dejavu.kv.KvSlice;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.Regions;
import io.dejavu.kv.Resharding;
import io.dejavu.kv.Route;
import io.dejavu.kv.TokenRange;
import io.dejavu.tensor.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// A sequence that one side began goes on at another, which is cut otherwise, as if it had been
/// there from the first token: its logits are the same to the bit. More seeds:
/// `-Ddejavu.handover.seeds=200`.
class HandOverTest {
  private static final int GENERATED_BEFORE = 4;
  private static final int GENERATED_AFTER = 8;
  private static final int SEEDS = Integer.getInteger("dejavu.handover.seeds", 16);

  /// @param prompt its tokens
  record Case(long seed, CutModel.Cut from, CutModel.Cut to, int prompt) {
    /// Tokens whose keys and values move.
    int moved() {
      return prompt + GENERATED_BEFORE;
    }
  }

  static Stream<Case> cases() {
    return IntStream.range(0, SEEDS).mapToObj(HandOverTest::random);
  }

  /// A device's memory is for its own thread, so these are on the host.
  static Stream<Case> streamed() {
    return IntStream.iterate(100, seed -> seed + 1)
        .mapToObj(HandOverTest::random)
        .filter(c -> !c.from.backend().equals("fake") && !c.to.backend().equals("fake"))
        .limit(SEEDS / 2);
  }

  private static Case random(int seed) {
    var random = new Random(seed);
    var checkpoint = List.of("opt", "llama", "bloom-6heads", "qwen3").get(seed % 4);
    var layers = checkpoint.equals("bloom-6heads") ? 3 : 4;
    // Each third on as many shards as before, where nothing is added up in another order.
    boolean same = seed % 3 == 0;
    var shards = checkpoint.equals("bloom-6heads") ? List.of(1, 2, 3, 6) : List.of(1, 2, 4);
    int first = same && random.nextBoolean() ? 1 : pick(shards, random);
    int second = same ? first : pick(shards, random);
    var backend = random.nextInt(4) == 0 ? "fake" : Backends.NAMES.getLast();
    var other = same || random.nextInt(4) > 0 ? backend : "fake";
    var prompt = 1 + random.nextInt(random.nextInt(6) == 0 ? 240 : 90);
    return new Case(
        seed,
        cut(random, checkpoint, backend, layers, first),
        cut(random, checkpoint, other, layers, second),
        prompt);
  }

  private static CutModel.Cut cut(
      Random random, String checkpoint, String backend, int layers, int shards) {
    var stages = new ArrayList<LayerRange>();
    for (int start = 0, end; start < layers; start = end) {
      end = start + 1 + random.nextInt(layers - start);
      stages.add(new LayerRange(start, end));
    }
    int blockTokens = 1 << random.nextInt(7);
    int blocks = KvLayout.blocksFor(256, blockTokens) + random.nextInt(5);
    return new CutModel.Cut(checkpoint, backend, stages, shards, blockTokens, blocks);
  }

  private static int pick(List<Integer> some, Random random) {
    return some.get(random.nextInt(some.size()));
  }

  /// A side, and the blocks of the sequence there.
  private record Side(CutModel model, CutModel.Cut cut, int[] blocks) {
    static Side of(CutModel model, CutModel.Cut cut, Random random) {
      var numbers = new ArrayList<>(IntStream.range(0, cut.blocks()).boxed().toList());
      if (random.nextBoolean()) {
        Collections.shuffle(numbers, random);
      }
      return new Side(model, cut, numbers.stream().mapToInt(i -> i).toArray());
    }

    float[] next(int[] tokens, int start) {
      var part = Step.Part.draw(tokens, start, blocks, TestModel.greedy(start + tokens.length));
      return model.logits(new Step(List.of(part)))[0];
    }

    Regions regions(int stage, int shard, KvSlice slice, int wireTokens) {
      return Regions.of(model.memory(stage, shard).layout(), blocks, slice, wireTokens);
    }
  }

  private interface Transfer {
    void move(TokenRange tokens);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void generationGoesOnWithTheSameLogits(Case given) {
    var random = new Random(given.seed);
    try (var first = CutModel.open(given.from);
        var second = CutModel.open(given.to);
        var copied = CutModel.open(given.to)) {
      var from = Side.of(first, given.from, random);
      var to = Side.of(second, given.to, random);
      var local = Side.of(copied, given.to, random);

      int token = begin(given, from, tokens -> move(from, to, tokens, random));

      copyPlainly(from, local, given.moved());
      goOn(given, token, from, to, local);
    }
  }

  /// The same by real senders and receivers, a pair of threads and a connection per route.
  @ParameterizedTest
  @MethodSource("streamed")
  void streamsHandOverAsWell(Case given) throws InterruptedException {
    var random = new Random(given.seed);
    try (var first = CutModel.open(given.from);
        var second = CutModel.open(given.to);
        var copied = CutModel.open(given.to)) {
      var from = Side.of(first, given.from, random);
      var to = Side.of(second, given.to, random);
      var local = Side.of(copied, given.to, random);
      int token;
      try (var streams = new RouteStreams(first, from.blocks, second, to.blocks, given.moved())) {
        token = begin(given, from, streams::move);
        streams.finish(given.moved());
      }

      copyPlainly(from, local, given.moved());
      goOn(given, token, from, to, local);
    }
  }

  /// A prompt and a few tokens; what a step has written follows it at once, as to a replica.
  ///
  /// @return the last token, of which there are no keys and values yet
  private static int begin(Case given, Side from, Transfer transfer) {
    var prompt = new Random(given.seed).ints(given.prompt, 0, 512).toArray();
    int token = likeliest(from.next(prompt, 0));
    transfer.move(new TokenRange(0, given.prompt));
    for (int done = given.prompt; done < given.moved(); done++) {
      token = likeliest(from.next(new int[] {token}, done));
      transfer.move(new TokenRange(done, done + 1));
    }
    return token;
  }

  private static void goOn(Case given, int last, Side from, Side to, Side local) {
    int token = last;
    for (int i = 0; i < GENERATED_AFTER; i++) {
      var next = new int[] {token};
      int done = given.moved() + i;
      var moved = to.next(next, done);
      assertThat(moved).as("%s, token %d", given, i).containsExactly(local.next(next, done));
      if (given.from.shards() == given.to.shards()
          && given.from.backend().equals(given.to.backend())) {
        assertThat(moved)
            .as("%s, token %d, undisturbed", given, i)
            .containsExactly(from.next(next, done));
      }
      token = likeliest(moved);
    }
  }

  private static int likeliest(float[] logits) {
    return IntStream.range(0, logits.length)
        .reduce(0, (best, i) -> logits[i] > logits[best] ? i : best);
  }

  /// Every route's part of these tokens, in pieces, in any order.
  private static void move(Side from, Side to, TokenRange tokens, Random random) {
    var resharding = Resharding.between(from.model.side(), to.model.side());
    var routes = new ArrayList<Route>();
    for (var route : resharding.routes()) {
      for (int layer = route.layers().start(); layer < route.layers().end(); layer++) {
        routes.add(
            new Route(
                route.fromStage(),
                route.fromShard(),
                route.toStage(),
                route.toShard(),
                new LayerRange(layer, layer + 1),
                route.heads()));
      }
    }
    Collections.shuffle(routes, random);
    int middle = tokens.start() + random.nextInt(tokens.count());
    for (var route : routes) {
      if (middle > tokens.start()) {
        carry(from, to, route, new TokenRange(tokens.start(), middle));
      }
      carry(from, to, route, new TokenRange(middle, tokens.end()));
    }
  }

  private static void carry(Side from, Side to, Route route, TokenRange tokens) {
    var slice = route.slice(tokens);
    int wireTokens = from.cut.blockTokens();
    var out = from.regions(route.fromStage(), route.fromShard(), slice, wireTokens);
    var in = to.regions(route.toStage(), route.toShard(), slice, wireTokens);
    try (var staging = HostBuffer.allocate(out.bytes(), 64)) {
      from.model.memory(route.fromStage(), route.fromShard()).gather(out, staging.segment());
      to.model.memory(route.toStage(), route.toShard()).scatter(staging.segment(), in);
    }
  }

  /// Row by row, from whichever shard has the head to every one that wants it.
  private static void copyPlainly(Side from, Side to, int tokens) {
    var have = new KvImages(from);
    var wanted = new KvImages(to);
    var side = to.model.side();
    for (int stage = 0; stage < side.stages().size(); stage++) {
      var layers = side.stages().get(stage);
      for (int shard = 0; shard < side.shards().size(); shard++) {
        var heads = side.shards().get(shard);
        for (int layer = layers.start(); layer < layers.end(); layer++) {
          for (int head = heads.start(); head < heads.end(); head++) {
            for (int token = 0; token < tokens; token++) {
              for (int half = 0; half < 2; half++) {
                wanted.put(stage, shard, layer, half, head, token, have);
              }
            }
          }
        }
      }
    }
    wanted.write();
  }

  /// All bytes of all memories of a side.
  private static final class KvImages {
    private final Side side;
    private final List<List<byte[]>> images = new ArrayList<>();

    KvImages(Side side) {
      this.side = side;
      for (int stage = 0; stage < side.cut.stages().size(); stage++) {
        var row = new ArrayList<byte[]>();
        for (int shard = 0; shard < side.cut.shards(); shard++) {
          var memory = side.model.memory(stage, shard);
          var image = new byte[Math.toIntExact(memory.layout().bytes())];
          memory.copyOut(all(memory), MemorySegment.ofArray(image));
          row.add(image);
        }
        images.add(row);
      }
    }

    void put(int stage, int shard, int layer, int half, int head, int token, KvImages from) {
      var cut = from.side.model.side();
      int fromStage =
          IntStream.range(0, cut.stages().size())
              .filter(i -> cut.stages().get(i).contains(layer))
              .findFirst()
              .orElseThrow();
      int fromShard =
          IntStream.range(0, cut.shards().size())
              .filter(i -> cut.shards().get(i).contains(head))
              .findFirst()
              .orElseThrow();
      var layout = side.model.memory(stage, shard).layout();
      int bytes = (int) layout.type().bytes(layout.headSize());
      System.arraycopy(
          from.images.get(fromStage).get(fromShard),
          from.offset(fromStage, fromShard, layer, half, head, token),
          images.get(stage).get(shard),
          offset(stage, shard, layer, half, head, token),
          bytes);
    }

    private int offset(int stage, int shard, int layer, int half, int head, int token) {
      var memory = side.model.memory(stage, shard);
      int S = memory.layout().blockTokens();
      var cache = memory.cache(layer);
      int block = side.blocks[token / S];
      int local = head - memory.layout().heads().start();
      long row = half == 0 ? cache.keys(block, local) : cache.values(block, local);
      return Math.toIntExact(row + token % S * cache.type().bytes(cache.headSize()));
    }

    void write() {
      for (int stage = 0; stage < images.size(); stage++) {
        for (int shard = 0; shard < images.get(stage).size(); shard++) {
          var memory = side.model.memory(stage, shard);
          memory.copyIn(MemorySegment.ofArray(images.get(stage).get(shard)), all(memory));
        }
      }
    }

    private static int[] all(KvMemory memory) {
      return IntStream.range(0, memory.layout().blocks()).toArray();
    }
  }
}
