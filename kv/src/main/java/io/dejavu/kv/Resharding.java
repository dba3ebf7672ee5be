package io.dejavu.kv;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/// Who gets what when keys and values move from one side to another, whatever the number of stages
/// and shards and the block sizes of either. Each layer and head that a receiver has comes to it
/// once, from one sender. Sequences are batched as each side likes: everything is said per
/// sequence.
///
/// Where several senders have the same head, the receivers that want it are spread over them in
/// order, so equal sides send one to one.
///
/// A value; both sides compute the same.
public final class Resharding {
  private final KvSide from;
  private final KvSide to;
  private final List<Route> routes;

  private Resharding(KvSide from, KvSide to, List<Route> routes) {
    this.from = from;
    this.to = to;
    this.routes = List.copyOf(routes);
  }

  /// Works out all routes, at registration: a move later cannot find that the sides do not match.
  ///
  /// @throws IllegalArgumentException if they do not hold the same model's keys and values in the
  ///   same type
  public static Resharding between(KvSide from, KvSide to) {
    same("layers", from.layers(), to.layers());
    same("kv heads", from.kvHeads(), to.kvHeads());
    same("elements per head", from.headSize(), to.headSize());
    same("type", from.type(), to.type());
    var routes = new ArrayList<Route>();
    for (int toStage = 0; toStage < to.stages().size(); toStage++) {
      for (int fromStage = 0; fromStage < from.stages().size(); fromStage++) {
        if (from.stages().get(fromStage).overlaps(to.stages().get(toStage))) {
          for (int toShard = 0; toShard < to.shards().size(); toShard++) {
            addHeads(from, to, fromStage, toStage, toShard, routes);
          }
        }
      }
    }
    return new Resharding(from, to, routes);
  }

  private static void same(String what, Object from, Object to) {
    if (!from.equals(to)) {
      throw new IllegalArgumentException(
          "sides differ in %s: %s sent, %s received".formatted(what, from, to));
    }
  }

  /// Cuts a receiver's heads where the sender changes.
  private static void addHeads(
      KvSide from, KvSide to, int fromStage, int toStage, int toShard, List<Route> routes) {
    var layers = from.stages().get(fromStage).intersect(to.stages().get(toStage));
    var wanted = to.shards().get(toShard);
    for (int head = wanted.start(), end; head < wanted.end(); head = end) {
      int fromShard = sender(from.shards(), to.shards(), toShard, head);
      end = head + 1;
      while (end < wanted.end() && sender(from.shards(), to.shards(), toShard, end) == fromShard) {
        end++;
      }
      routes.add(
          new Route(fromStage, fromShard, toStage, toShard, layers, new HeadRange(head, end)));
    }
  }

  /// Of the `m` shards that have the head, the one for the `j`-th of the `n` that want it.
  private static int sender(List<HeadRange> from, List<HeadRange> to, int toShard, int head) {
    var have = having(from, head);
    var want = having(to, head);
    int j = want.indexOf(toShard);
    return have.get((int) ((long) j * have.size() / want.size()));
  }

  private static List<Integer> having(List<HeadRange> shards, int head) {
    return IntStream.range(0, shards.size())
        .filter(shard -> shards.get(shard).contains(head))
        .boxed()
        .toList();
  }

  public KvSide from() {
    return from;
  }

  public KvSide to() {
    return to;
  }

  /// All, by receiver.
  public List<Route> routes() {
    return routes;
  }

  /// What a sender sends, and to whom. Empty where another one has the same heads and sends them.
  public List<Route> routes(int fromStage, int fromShard) {
    return routes.stream()
        .filter(route -> route.fromStage() == fromStage && route.fromShard() == fromShard)
        .toList();
  }

  /// What a receiver gets, and from whom.
  public List<Route> sources(int toStage, int toShard) {
    return routes.stream()
        .filter(route -> route.toStage() == toStage && route.toShard() == toShard)
        .toList();
  }
}
