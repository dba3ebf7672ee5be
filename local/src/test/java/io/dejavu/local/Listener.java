package io.dejavu.local;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.engine.Engine.Generation;
import io.dejavu.engine.Engine.Outcome;
import io.dejavu.engine.GenerationEvent;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// A client that remembers what it was told, and checks the order.
final class Listener implements Consumer<GenerationEvent> {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final CountDownLatch end = new CountDownLatch(1);
  private final List<GenerationEvent> events = new ArrayList<>();

  @Override
  public synchronized void accept(GenerationEvent event) {
    assertThat(end.getCount()).as("told %s after the end", event).isEqualTo(1);
    events.add(event);
    switch (event) {
      case GenerationEvent.Prompt _, GenerationEvent.Token _, GenerationEvent.Embedded _ -> {}
      case GenerationEvent.Finished _, GenerationEvent.Failed _ -> end.countDown();
    }
  }

  /// The last event, which is waited for.
  GenerationEvent end() throws InterruptedException {
    assertThat(end.await(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)).as("ended").isTrue();
    return events().getLast();
  }

  synchronized List<GenerationEvent> events() {
    return List.copyOf(events);
  }

  /// Ids of the tokens; their positions must be consecutive.
  List<Integer> tokens() {
    var tokens = new ArrayList<Integer>();
    @Nullable Integer first = null;
    for (var event : events()) {
      if (event instanceof GenerationEvent.Token(var position, var id, _)) {
        first = first == null ? position : first;
        assertThat(position).isEqualTo(first + tokens.size());
        tokens.add(id);
      }
    }
    return tokens;
  }

  static Generation accepted(Outcome outcome) {
    assertThat(outcome).isInstanceOf(Outcome.Accepted.class);
    return ((Outcome.Accepted) outcome).generation();
  }
}
