package io.dejavu.kv.stream;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import io.dejavu.transport.Connection;
import io.dejavu.transport.ConnectionLost;
import io.dejavu.transport.Deadline;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/// A connection that now and then flips a bit of what it receives, or breaks.
final class FlakyConnection extends PassingConnection {
  private final SplittableRandom random;
  private final double flips;
  private final double breaks;

  /// @param flips how often a read has a wrong bit
  /// @param breaks how often a read is the last
  FlakyConnection(Connection connection, SplittableRandom random, double flips, double breaks) {
    super(connection);
    this.random = random;
    this.flips = flips;
    this.breaks = breaks;
  }

  @Override
  public @Nullable Incoming receive(Deadline deadline) throws ConnectionLost {
    var incoming = connection.receive(deadline);
    return incoming == null ? null : new Flipped(incoming);
  }

  private final class Flipped implements Incoming {
    private final Incoming incoming;

    Flipped(Incoming incoming) {
      this.incoming = incoming;
    }

    @Override
    public MemorySegment head() {
      return incoming.head();
    }

    @Override
    public long bodyLeft() {
      return incoming.bodyLeft();
    }

    @Override
    public void read(List<MemorySegment> targets, Deadline deadline) throws ConnectionLost {
      if (random.nextDouble() < breaks) {
        connection.close();
      }
      incoming.read(targets, deadline);
      if (random.nextDouble() < flips) {
        var target = targets.get(random.nextInt(targets.size()));
        long at = random.nextLong(target.byteSize());
        target.set(JAVA_BYTE, at, (byte) (target.get(JAVA_BYTE, at) ^ 1 << random.nextInt(8)));
      }
    }
  }
}
