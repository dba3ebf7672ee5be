package io.dejavu.transport;

import static java.nio.ByteOrder.nativeOrder;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/// One lane through memory that sender and receiver share: bytes in a circle, and two counters of
/// the bytes that were ever put in and taken out.
///
/// ```
///  0          128        256         384            4096          4096 + capacity
///  +----------+----------+-----------+--------- … ---+------- … ----+
///  | put      | taken    | wake the  | wake the      | the bytes,   |
///  | (sender) |(receiver)| sender at | receiver at   | round and round
///  +----------+----------+-----------+--------- … ---+------- … ----+
/// ```
///
/// A side that sleeps says which count of the other it waits for; 0 while it is awake. Counters lie
/// two cache lines apart, because processors fetch pairs of them. The other side may be another
/// process, so what it writes is believed as far as it was checked.
final class Ring {
  static final long CONTROL = 4096;

  private static final VarHandle COUNTER =
      ValueLayout.JAVA_LONG.withOrder(nativeOrder()).varHandle().withInvokeExactBehavior();
  private static final long PUT = 0;
  private static final long TAKEN = 128;
  private static final long SENDER_WAKES_AT = 256;
  private static final long RECEIVER_WAKES_AT = 384;

  private final MemorySegment control;
  private final MemorySegment bytes;
  private final long capacity;

  /// @param memory {@link #CONTROL} bytes and the capacity, a power of two; new ones are 0
  Ring(MemorySegment memory) {
    capacity = memory.byteSize() - CONTROL;
    if (capacity < CONTROL || Long.bitCount(capacity) != 1) {
      throw new IllegalArgumentException("a ring of %d bytes".formatted(capacity));
    }
    control = memory.asSlice(0, CONTROL);
    bytes = memory.asSlice(CONTROL, capacity);
  }

  long capacity() {
    return capacity;
  }

  MemorySegment bytes() {
    return bytes;
  }

  /// Where the byte with this number lies in {@link #bytes}.
  long at(long count) {
    return count & (capacity - 1);
  }

  /// Bytes ever put in. Those before it are there for whoever sees it.
  long put() {
    return (long) COUNTER.getVolatile(control, PUT);
  }

  long taken() {
    return (long) COUNTER.getVolatile(control, TAKEN);
  }

  /// @return whether the receiver sleeps and waits for this, and is to be woken
  boolean publishPut(long count) {
    COUNTER.setVolatile(control, PUT, count);
    return isDue(RECEIVER_WAKES_AT, count);
  }

  /// @return whether the sender sleeps and waits for this, and is to be woken
  boolean publishTaken(long count) {
    COUNTER.setVolatile(control, TAKEN, count);
    return isDue(SENDER_WAKES_AT, count);
  }

  /// From now on the receiver wakes the sender when it has taken so many; 0 for no more.
  void wakeSenderAt(long count) {
    COUNTER.setVolatile(control, SENDER_WAKES_AT, count);
  }

  void wakeReceiverAt(long count) {
    COUNTER.setVolatile(control, RECEIVER_WAKES_AT, count);
  }

  private boolean isDue(long sleeper, long count) {
    long wanted = (long) COUNTER.getVolatile(control, sleeper);
    return wanted != 0
        && count - wanted >= 0
        && COUNTER.compareAndSet(control, sleeper, wanted, 0L);
  }
}
