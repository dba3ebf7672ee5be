package io.dejavu.transport;

import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/// A doorbell between threads of one process.
final class ParkBell implements Doorbell {
  private volatile @Nullable Thread sender;
  private volatile @Nullable Thread receiver;
  private volatile boolean isClosed;
  private @Nullable ParkBell peer;

  private ParkBell() {}

  /// Two that ring each other.
  static ParkBell[] pair() {
    var one = new ParkBell();
    var other = new ParkBell();
    one.peer = other;
    other.peer = one;
    return new ParkBell[] {one, other};
  }

  private ParkBell peer() {
    ParkBell set = peer;
    if (set == null) {
      throw new IllegalStateException("half a pair");
    }
    return set;
  }

  @Override
  public void ring() {
    peer().wakeSleepers();
  }

  private void wakeSleepers() {
    LockSupport.unpark(sender);
    LockSupport.unpark(receiver);
  }

  @Override
  public void lieDown(Sleeper who) {
    switch (who) {
      case SENDER -> sender = Thread.currentThread();
      case RECEIVER -> receiver = Thread.currentThread();
    }
  }

  @Override
  public void sleep(Sleeper who, long nanos) {
    LockSupport.parkNanos(this, nanos);
  }

  @Override
  public boolean peerIsGone() {
    return peer().isClosed;
  }

  @Override
  public boolean isClosed() {
    return isClosed;
  }

  @Override
  public void look() {}

  @Override
  public void close() {
    isClosed = true;
    wakeSleepers();
    peer().wakeSleepers();
  }
}
