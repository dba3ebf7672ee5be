package io.dejavu.local;

import io.dejavu.engine.Engine.Outcome;
import io.dejavu.engine.GenerationEvent;
import io.dejavu.engine.GenerationRequest;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// The way into the step loop's thread, and the limit in front of it. Thread-safe.
final class Inbox {
  private final int maxLive;
  // Unbounded: `live` limits the requests in it.
  private final BlockingQueue<Message> messages = new LinkedBlockingQueue<>();

  private final AtomicBoolean nudged = new AtomicBoolean();

  // Guarded by this.
  private long submitted;
  private int live;
  private @Nullable String shutBecause;

  /// @param maxLive most requests accepted and not yet ended
  Inbox(int maxLive) {
    this.maxLive = maxLive;
  }

  sealed interface Message {
    record Submit(LiveRequest live) implements Message {}

    /// A request that goes on with what was generated and computed of it elsewhere.
    record Adopt(LiveRequest live, int[] generated, int computed, int[] blocks)
        implements Message {}

    record Cancel(long sequence) implements Message {}

    /// Something has come from disk.
    record Nudge() implements Message {}

    /// Ends the loop when all requests have ended.
    record Drain() implements Message {}

    /// Ends the loop now.
    record Stop() implements Message {}
  }

  /// Takes in a request, unless there are too many or no more are wanted.
  Outcome submit(GenerationRequest request, Consumer<GenerationEvent> listener) {
    return accept(request, listener, 0, Message.Submit::new);
  }

  /// Takes in a request that somebody else began, unless there are too many or no more are wanted.
  Outcome adopt(
      GenerationRequest request,
      int[] generated,
      int computed,
      int[] blocks,
      Consumer<GenerationEvent> listener) {
    return accept(
        request,
        listener,
        generated.length,
        live -> new Message.Adopt(live, generated.clone(), computed, blocks.clone()));
  }

  private synchronized Outcome accept(
      GenerationRequest request,
      Consumer<GenerationEvent> listener,
      int generated,
      Function<LiveRequest, Message> message) {
    if (shutBecause != null) {
      return new Outcome.Busy(shutBecause);
    }
    if (live == maxLive) {
      return new Outcome.Busy("%d requests run or wait already".formatted(live));
    }
    live++;
    long sequence = ++submitted;
    var accepted = new LiveRequest(sequence, request, System.nanoTime(), listener);
    accepted.generated = generated;
    messages.add(message.apply(accepted));
    return new Outcome.Accepted(() -> messages.add(new Message.Cancel(sequence)));
  }

  /// Wakes the loop; there is one such message at a time.
  void nudge() {
    if (nudged.compareAndSet(false, true)) {
      messages.add(new Message.Nudge());
    }
  }

  /// The nudge was taken out.
  void nudgeSeen() {
    nudged.set(false);
  }

  /// No request comes in any more, so none comes after `last`.
  synchronized void shut(String why, Message last) {
    if (shutBecause == null) {
      shutBecause = why;
    }
    messages.add(last);
  }

  /// A request has ended.
  synchronized void ended() {
    live--;
  }

  /// Requests accepted and not yet ended.
  synchronized int live() {
    return live;
  }

  /// The next message, if there is one.
  @Nullable Message poll() {
    return messages.poll();
  }

  /// The next message, if one comes in time.
  @Nullable Message poll(Duration patience) throws InterruptedException {
    return messages.poll(patience.toNanos(), TimeUnit.NANOSECONDS);
  }
}
