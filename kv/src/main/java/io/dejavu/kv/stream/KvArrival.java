package io.dejavu.kv.stream;

import io.dejavu.kv.KvMemory;
import io.dejavu.kv.Regions;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// A stream as its receiver sees it. Any thread may call it.
public final class KvArrival {
  private final KvReceiver receiver;
  private final int number;
  private final KvOffer offer;
  private volatile @Nullable Place place;
  private volatile int committed;
  private volatile @Nullable KvOutcome outcome;

  private record Place(KvMemory memory, int[] blocks) {}

  KvArrival(KvReceiver receiver, int number, KvOffer offer) {
    this.receiver = receiver;
    this.number = number;
    this.offer = offer;
    committed = offer.tokens().start();
  }

  public KvOffer offer() {
    return offer;
  }

  /// The sender's name.
  public String peer() {
    return receiver.peer();
  }

  /// Lets as many tokens come as there are blocks for. They are the stream's until {@link
  /// KvLanding#ended}. May be called again with more blocks after the same ones.
  ///
  /// @param blocks for the sequence from position 0 on, S positions each; nobody changes the array
  /// @return false if it has ended: these blocks are not needed then
  /// @throws IllegalArgumentException if the memory is not of the offer's form, or the blocks do
  ///   not begin with those granted before
  public boolean grant(KvMemory memory, int[] blocks) {
    var layout = memory.layout();
    offer.requireIn(layout);
    var before = place;
    int known = before == null ? 0 : before.blocks.length;
    if (before != null
        && (before.memory != memory
            || blocks.length < known
            || !Arrays.equals(before.blocks, 0, known, blocks, 0, known))) {
      throw new IllegalArgumentException(
          "blocks %s granted after %s"
              .formatted(Arrays.toString(blocks), Arrays.toString(before.blocks)));
    }
    for (int block : blocks) {
      Objects.checkIndex(block, layout.blocks());
    }
    // What was granted before, or holds tokens that do not come, stays as it is.
    int first = Math.max(known, offer.tokens().start() / layout.blockTokens());
    if (first < blocks.length) {
      memory.beforeFilling(Arrays.copyOfRange(blocks, first, blocks.length));
    }
    place = new Place(memory, blocks);
    long room = (long) blocks.length * layout.blockTokens();
    return receiver.granted(number, (int) Math.min(room, offer.tokens().end()));
  }

  /// Does not let it come, or no more of it.
  public void refuse(String why) {
    receiver.decide(state -> state.refused(number, why));
  }

  /// Gives it up, unless it has ended.
  public void cancel(String why) {
    receiver.decide(state -> state.cancelled(number, why));
  }

  /// Tokens of which all layers are here and verified.
  public int committed() {
    return committed;
  }

  /// How it ended; null while it has not.
  public @Nullable KvOutcome outcome() {
    return outcome;
  }

  KvMemory memory() {
    return granted().memory;
  }

  Regions regions(KvMessage.Piece piece) {
    var here = granted();
    return Regions.of(
        here.memory.layout(),
        here.blocks,
        offer.slice(piece.layers(), piece.tokens()),
        offer.wireTokens());
  }

  private Place granted() {
    var here = place;
    if (here == null) {
      throw new IllegalStateException("%s was not granted".formatted(this));
    }
    return here;
  }

  void committed(int tokens) {
    committed = tokens;
  }

  void ended(KvOutcome how) {
    outcome = how;
  }

  @Override
  public String toString() {
    return "request %d in epoch %d from %s".formatted(offer.request(), offer.epoch(), peer());
  }
}
