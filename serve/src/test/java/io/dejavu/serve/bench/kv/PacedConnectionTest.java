package io.dejavu.serve.bench.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.dejavu.transport.Connection;
import io.dejavu.transport.ConnectionLost;
import io.dejavu.transport.Deadline;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/// By a clock that stands still unless somebody rests.
final class PacedConnectionTest {
  private static final Deadline NEVER = new Deadline(Long.MAX_VALUE / 2);
  private static final long BEGIN = 5_000;

  private final FakeClock clock = new FakeClock();
  private final FakeLink link = new FakeLink();

  /// A byte takes a microsecond.
  private final PacedConnection paced = new PacedConnection(link, new ByteRate(1e6, "1MB"), clock);

  private static final class FakeClock implements PacedConnection.Clock {
    long now = BEGIN;
    Runnable whileResting = () -> {};

    @Override
    public long nanoTime() {
      return now;
    }

    /// Never all of it but the last bit, as sleeps that end early.
    @Override
    public void rest(long nanos) {
      assertThat(nanos).isPositive();
      now += Math.max(1, nanos / 2);
      whileResting.run();
    }
  }

  private final class FakeLink implements Connection {
    final List<Long> sentAt = new ArrayList<>();
    boolean isClosed;

    @Override
    public String peer() {
      return "fake";
    }

    @Override
    public UUID peerIncarnation() {
      return new UUID(0, 0);
    }

    @Override
    public long mostBody() {
      return 1 << 20;
    }

    @Override
    public boolean hasRoom(long bodyBytes) {
      return true;
    }

    @Override
    public void send(MemorySegment head, List<MemorySegment> body, Deadline deadline)
        throws ConnectionLost {
      if (isClosed) {
        throw new ConnectionLost("closed");
      }
      sentAt.add(clock.now - BEGIN);
    }

    @Override
    public @Nullable Incoming receive(Deadline deadline) {
      return null;
    }

    @Override
    public void close() {
      isClosed = true;
    }
  }

  private void send(int head, int... body) throws ConnectionLost {
    send(NEVER, head, body);
  }

  private void send(Deadline deadline, int head, int... body) throws ConnectionLost {
    try (var arena = Arena.ofConfined()) {
      var segments = new ArrayList<MemorySegment>();
      for (int bytes : body) {
        segments.add(arena.allocate(bytes));
      }
      paced.send(MemorySegment.ofArray(new byte[head]), segments, deadline);
    }
  }

  @Test
  void aFrameIsHandedOnWhenAllItsBytesHaveHadTheirTime() throws ConnectionLost {
    send(4);
    send(1, 10, 5);
    send(100);

    assertThat(link.sentAt).containsExactly(4_000L, 20_000L, 120_000L);
  }

  @Test
  void aLinkThatHadNothingToDoIsNotFasterAfterwards() throws ConnectionLost {
    send(4);
    clock.now = BEGIN + 1_000_000;
    send(4);
    send(4);

    assertThat(link.sentAt).containsExactly(4_000L, 1_004_000L, 1_008_000L);
  }

  @Test
  void whatCannotBeThereInTimeCostsTheConnection() throws ConnectionLost {
    send(new Deadline(BEGIN + 100_000), 0, 100);
    assertThatThrownBy(() -> send(new Deadline(BEGIN + 150_000), 0, 51))
        .isInstanceOf(ConnectionLost.class)
        .hasMessageContaining("51 bytes at 1MB");

    assertThat(link.sentAt).containsExactly(100_000L);
    assertThat(link.isClosed).isTrue();
  }

  @Test
  void closingEndsAWait() {
    clock.whileResting = paced::close;

    assertThatThrownBy(() -> send(0, 1000)).isInstanceOf(ConnectionLost.class);

    assertThat(clock.now - BEGIN).isEqualTo(500_000);
  }

  @Test
  void interruptingEndsAWait() {
    clock.whileResting = () -> Thread.currentThread().interrupt();

    assertThatThrownBy(() -> send(0, 1000))
        .isInstanceOf(ConnectionLost.class)
        .hasMessageContaining("interrupted");

    assertThat(Thread.interrupted()).isTrue();
    assertThat(link.isClosed).isTrue();
  }
}
