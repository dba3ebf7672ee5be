package io.dejavu.api;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.dejavu.engine.Engine;
import io.dejavu.engine.FinishReason;
import io.dejavu.engine.GenerationEvent;
import io.dejavu.engine.GenerationRequest;
import io.dejavu.engine.Pooling;
import io.dejavu.engine.TokenLogprobs;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/// Says a text, over and over, one byte per token, as fast as it is told to. Keeps the rules of
/// [Engine] and remembers what it was asked for.
final class ScriptedEngine implements Engine {
  private static final int CONTEXT = 1000;

  final List<GenerationRequest> requests = new CopyOnWriteArrayList<>();
  final Set<String> live = ConcurrentHashMap.newKeySet();
  final Set<String> cancelled = ConcurrentHashMap.newKeySet();
  private final CountDownLatch closed = new CountDownLatch(1);
  private volatile byte[] script = "Hello, world. ".getBytes(UTF_8);
  private volatile Duration pace = Duration.ZERO;
  private volatile int room = Integer.MAX_VALUE;
  private volatile String problem = "";
  private volatile String failure = "";

  ScriptedEngine says(String text) {
    script = text.getBytes(UTF_8);
    return this;
  }

  ScriptedEngine pace(Duration perToken) {
    pace = perToken;
    return this;
  }

  void room(int sequences) {
    room = sequences;
  }

  void problem(String what) {
    problem = what;
  }

  /// After half of the tokens.
  void fails(String why) {
    failure = why;
  }

  @Override
  public int maxContext() {
    return CONTEXT;
  }

  @Override
  public Outcome submit(GenerationRequest request, Consumer<GenerationEvent> listener) {
    if (live.size() >= room) {
      return new Outcome.Busy("%d sequences are waiting".formatted(live.size()));
    }
    requests.add(request);
    live.add(request.id());
    var stop = new CountDownLatch(1);
    Thread.ofVirtual().start(() -> generate(request, listener, stop));
    return new Outcome.Accepted(
        () -> {
          if (live.contains(request.id()) && cancelled.add(request.id())) {
            stop.countDown();
          }
        });
  }

  private void generate(
      GenerationRequest request, Consumer<GenerationEvent> listener, CountDownLatch stop) {
    int[] prompt = request.prompt();
    if (request.promptLogprobs() >= 0) {
      var entries = new ArrayList<TokenLogprobs>();
      for (int i = 1; i < prompt.length; i++) {
        entries.add(logprobs(prompt[i], request.promptLogprobs()));
      }
      listener.accept(new GenerationEvent.Prompt(entries));
    }
    if (request.embed() != Pooling.NONE) {
      boolean cancelled = waits(stop, pace);
      live.remove(request.id());
      if (!cancelled) {
        listener.accept(new GenerationEvent.Embedded(vector(request)));
      }
      listener.accept(
          new GenerationEvent.Finished(
              cancelled ? FinishReason.CANCELLED : FinishReason.STOP, prompt.length, 0, 0));
      return;
    }
    byte[] text = script;
    int generated = 0;
    var reason = FinishReason.LENGTH;
    while (generated < request.maxTokens()) {
      if (waits(stop, pace)) {
        reason = FinishReason.CANCELLED;
        break;
      }
      if (!failure.isEmpty() && generated == request.maxTokens() / 2) {
        live.remove(request.id());
        listener.accept(new GenerationEvent.Failed(failure));
        return;
      }
      int id = Byte.toUnsignedInt(text[generated % text.length]);
      if (id == '$') {
        id = ByteTokenizer.END; // the script's way to write it
      }
      listener.accept(
          new GenerationEvent.Token(
              prompt.length + generated,
              id,
              request.logprobs() < 0 ? null : logprobs(id, request.logprobs())));
      generated++;
      if (request.stopTokens().contains(id) && generated > request.minTokens()) {
        reason = FinishReason.STOP;
        break;
      }
    }
    live.remove(request.id());
    listener.accept(new GenerationEvent.Finished(reason, prompt.length, generated, 0));
  }

  /// Of length 1; says what was asked for.
  private static float[] vector(GenerationRequest request) {
    return switch (request.prompt().length) {
      case 1 -> new float[] {0, 0, 1};
      default ->
          request.embed() == Pooling.MEAN ? new float[] {.6f, 0, .8f} : new float[] {.6f, .8f, 0};
    };
  }

  private static TokenLogprobs logprobs(int id, int top) {
    var ids = new int[top];
    var logprobs = new float[top];
    for (int i = 0; i < top; i++) {
      ids[i] = i == 0 ? id : (id + i) % 128;
      logprobs[i] = -0.5f - i;
    }
    return new TokenLogprobs(-0.5f, 1, ids, logprobs);
  }

  private boolean waits(CountDownLatch stop, Duration time) {
    try {
      return stop.await(time.toNanos(), TimeUnit.NANOSECONDS) || closed.getCount() == 0;
    } catch (InterruptedException _) {
      return true;
    }
  }

  @Override
  public Status status() {
    var totals = new Totals(requests.size(), 0, 0, 0, 0, 0, 0);
    return new Status(problem.isEmpty(), problem, live.size(), 0, 0, 0, 0, 100, 0, 0, totals);
  }

  @Override
  public void close() {
    closed.countDown();
  }
}
