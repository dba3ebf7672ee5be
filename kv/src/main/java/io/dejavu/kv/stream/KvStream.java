package io.dejavu.kv.stream;

import io.dejavu.kv.KvMemory;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.Regions;
import io.dejavu.kv.TokenRange;
import io.dejavu.transport.Deadline;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// The keys and values of one request on their way to one receiver, or into a file: a hand-over, a
/// replica that follows step by step, a migration. In this order:
///
/// 1. *prepare*: {@link KvSender#offer}; the receiver makes room. Or {@link KvFileStreams#offer}
/// 2. *post*: {@link #blocks}, then {@link #send} what is written, {@link #commit} what counts,
///    once per step {@link KvSender#flush} or {@link KvFileStreams#flush}; last {@link #finish}.
///    None of it waits; what is posted before the receiver has room is sent when it has
/// 3. *await*: {@link #await}, or {@link KvStreamListener#ended}
/// 4. *release*: from then on the blocks are nobody's business here
///
/// What was sent must not change until the stream has ended, so a sequence's blocks may be given
/// back, or shared blocks put in their place, only then. {@link #cancel} ends it at once, but for a
/// piece that is being sent just now.
///
/// One thread posts; any thread cancels, awaits and asks.
public final class KvStream {
  private final StreamPosts posts;
  private final int number;
  private final KvOffer offer;
  private final KvMemory memory;
  private final CountDownLatch end = new CountDownLatch(1);
  private volatile int[] blocks = {};
  private volatile int committed;
  private volatile @Nullable KvOutcome outcome;
  private int declared;
  private boolean isFinished;

  KvStream(StreamPosts posts, int number, KvOffer offer, KvMemory memory) {
    this.posts = posts;
    this.number = number;
    this.offer = offer;
    this.memory = memory;
    declared = offer.tokens().start();
    committed = declared;
  }

  public KvOffer offer() {
    return offer;
  }

  /// Says where the sequence lies.
  ///
  /// @param table its blocks, those said before and perhaps more; nobody changes the array
  public void blocks(int[] table) {
    var before = blocks;
    int known = before.length;
    if (table.length < known || !Arrays.equals(before, 0, known, table, 0, known)) {
      throw new IllegalArgumentException(
          "blocks %s after %s".formatted(Arrays.toString(table), Arrays.toString(before)));
    }
    for (int i = known; i < table.length; i++) {
      Objects.checkIndex(table[i], memory.layout().blocks());
    }
    blocks = table;
  }

  /// Posts keys and values that are written, in any order, each once.
  ///
  /// @throws IllegalArgumentException if they were not offered or have no blocks
  public void send(LayerRange layers, TokenRange tokens) {
    if (!offer.contains(layers, tokens)
        || tokens.end() > (long) blocks.length * memory.layout().blockTokens()) {
      throw new IllegalArgumentException(
          "layers %s of tokens %s in %d blocks; offered is %s"
              .formatted(layers, tokens, blocks.length, offer));
    }
    posts.post(number, layers, tokens);
  }

  /// The same for all layers.
  public void send(TokenRange tokens) {
    send(offer.layers(), tokens);
  }

  /// Says that the tokens before `tokens` count: every layer of them was sent, and their step is
  /// done. The receiver commits them when it has them.
  public void commit(int tokens) {
    declare(tokens);
    posts.commit(number, tokens);
  }

  /// Says that nothing comes after `tokens`, and that they count; flushes.
  public void finish(int tokens) {
    declare(tokens);
    isFinished = true;
    posts.finish(number, tokens);
  }

  private void declare(int tokens) {
    if (isFinished || tokens < declared || tokens > offer.tokens().end()) {
      throw new IllegalArgumentException(
          "%d tokens after %d%s; offered is %s"
              .formatted(tokens, declared, isFinished ? ", the last" : "", offer));
    }
    declared = tokens;
  }

  /// Gives it up, unless it has ended.
  public void cancel(String why) {
    posts.cancel(number, why);
  }

  /// Tokens of which the receiver has every layer.
  public int committed() {
    return committed;
  }

  /// How it ended; null while it has not.
  public @Nullable KvOutcome outcome() {
    return outcome;
  }

  /// Waits for its end; the listener has heard of it then.
  ///
  /// @return null if it has not ended by then; it goes on
  public @Nullable KvOutcome await(Deadline deadline) throws InterruptedException {
    return end.await(deadline.nanosLeft(), TimeUnit.NANOSECONDS) ? outcome : null;
  }

  int number() {
    return number;
  }

  KvMemory memory() {
    return memory;
  }

  Regions regions(LayerRange layers, TokenRange tokens) {
    return Regions.of(memory.layout(), blocks, offer.slice(layers, tokens), offer.wireTokens());
  }

  void committed(int tokens) {
    committed = tokens;
  }

  void ended(KvOutcome how) {
    outcome = how;
  }

  /// Lets those go on that await its end.
  void release() {
    end.countDown();
  }

  @Override
  public String toString() {
    return "request %d in epoch %d to %s".formatted(offer.request(), offer.epoch(), posts.peer());
  }
}
