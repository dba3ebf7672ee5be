package io.dejavu.kv.stream;

import io.dejavu.transport.Deadline;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/// What is to be told of what was decided, in that order. Effects are added under the lock that
/// guards the decisions and told without it, by whichever thread comes by, one at a time.
final class EffectQueue<E> {
  private final Queue<E> effects = new ConcurrentLinkedQueue<>();
  private final ReentrantLock telling = new ReentrantLock();
  private final Consumer<E> teller;

  /// @param teller may decide something again, which is told after what is being told
  EffectQueue(Consumer<E> teller) {
    this.teller = teller;
  }

  void add(List<E> some) {
    effects.addAll(some);
  }

  /// Whether this thread is telling something now.
  boolean isTelling() {
    return telling.isHeldByCurrentThread();
  }

  /// Returns when all that was added before has been told, by whomever; at once if this thread is
  /// telling something.
  void settle(Deadline deadline) throws InterruptedException {
    tell();
    if (!isTelling() && telling.tryLock(Math.max(0, deadline.nanosLeft()), TimeUnit.NANOSECONDS)) {
      telling.unlock();
      tell();
    }
  }

  /// Tells all there is, unless another thread is at it, which then tells this as well.
  void tell() {
    while (!effects.isEmpty() && !telling.isHeldByCurrentThread() && telling.tryLock()) {
      try {
        for (E effect; (effect = effects.poll()) != null; ) {
          teller.accept(effect);
        }
      } finally {
        telling.unlock();
      }
    }
  }
}
