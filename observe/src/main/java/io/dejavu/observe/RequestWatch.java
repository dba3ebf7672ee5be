package io.dejavu.observe;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// One HTTP request under way, as it is watched. Belongs to the request's thread.
public final class RequestWatch {
  private static final ScopedValue<RequestWatch> CURRENT = ScopedValue.newInstance();

  private final String id;
  private final String method;
  private final String route;
  private final @Nullable String traceparent;
  private final boolean background;
  private final Instant time;
  private final Consumer<RequestRecord> whenEnded;
  private final long began = System.nanoTime();
  private final List<SequenceTimes> sequences = new ArrayList<>();
  private String tenant = "";
  private @Nullable String problem;
  private boolean over;

  RequestWatch(
      String id,
      String method,
      String route,
      @Nullable String traceparent,
      boolean background,
      Instant time,
      Consumer<RequestRecord> whenEnded) {
    this.id = id;
    this.method = method;
    this.route = route;
    this.traceparent = traceparent;
    this.background = background;
    this.time = time;
    this.whenEnded = whenEnded;
  }

  /// The request that the calling thread works for.
  public static @Nullable RequestWatch current() {
    return CURRENT.isBound() ? CURRENT.get() : null;
  }

  /// The request that the calling thread works for, if it does, [fails][#failed].
  public static void failure(String why) {
    var now = current();
    if (now != null) {
      now.failed(why);
    }
  }

  /// Who asks for what the calling thread does, such as the name of an API key.
  public static void caller(String name) {
    var now = current();
    if (now != null) {
      now.tenant = name;
    }
  }

  /// Makes this request the current one of what is run.
  public ScopedValue.Carrier scope() {
    return ScopedValue.where(CURRENT, this);
  }

  /// As in `X-Request-Id`.
  public String id() {
    return id;
  }

  /// The client did not get the whole answer, whatever the status says. The first problem counts.
  public void failed(String why) {
    if (problem == null) {
      problem = why;
    }
  }

  long began() {
    return began;
  }

  void add(SequenceTimes sequence) {
    sequences.add(sequence);
  }

  void remove(SequenceTimes sequence) {
    sequences.remove(sequence);
  }

  /// The last that is heard of it.
  ///
  /// @param status that was answered
  public void end(int status) {
    if (over) {
      throw new IllegalStateException(id + " has ended before");
    }
    over = true;
    whenEnded.accept(
        new RequestRecord(
            id,
            method,
            route,
            status,
            problem,
            traceparent,
            background,
            tenant.isEmpty() && !sequences.isEmpty() ? sequences.getFirst().tenant : tenant,
            time,
            began,
            System.nanoTime(),
            sequences.stream().map(SequenceTimes::record).toList()));
  }
}
