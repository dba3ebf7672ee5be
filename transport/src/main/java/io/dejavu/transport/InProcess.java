package io.dejavu.transport;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;

/// Connections within this process, through the same rings as between processes.
public final class InProcess {
  private InProcess() {}

  /// Two ends of one connection.
  ///
  /// @param left whose peer is called `right`
  /// @param right whose peer is called `left`
  public record Pair(Connection left, Connection right) implements AutoCloseable {
    @Override
    public void close() {
      left.close();
      right.close();
    }
  }

  /// A new connection with rings of 1 MiB.
  public static Pair pair() {
    return pair(Identity.of("left"), Identity.of("right"), 1 << 20);
  }

  /// @param left who the peer of the right end is
  /// @param right who the peer of the left end is
  /// @param ringBytes what may be on the way in each direction, a power of two from 4096
  public static Pair pair(Identity left, Identity right, long ringBytes) {
    var config = TransportConfig.DEFAULT.withRingBytes(ringBytes);
    return pair(left, config, right, config);
  }

  /// @param ofLeft how the left end is; the rings are as it wants them
  /// @param ofRight how the right end is
  static Pair pair(Identity left, TransportConfig ofLeft, Identity right, TransportConfig ofRight) {
    long ringBytes = ofLeft.ringBytes();
    var arena = Arena.ofShared();
    var ends = new AtomicInteger(2);
    Runnable release =
        () -> {
          if (ends.decrementAndGet() == 0) {
            arena.close();
          }
        };
    MemorySegment there = arena.allocate(Ring.CONTROL + ringBytes, Ring.CONTROL);
    MemorySegment back = arena.allocate(Ring.CONTROL + ringBytes, Ring.CONTROL);
    ParkBell[] bells = ParkBell.pair();
    return new Pair(
        new RingConnection(right, new RingConnection.Rings(there, back, release), bells[0], ofLeft),
        new RingConnection(
            left, new RingConnection.Rings(back, there, release), bells[1], ofRight));
  }
}
