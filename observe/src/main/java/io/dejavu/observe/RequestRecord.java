package io.dejavu.observe;

import static io.dejavu.observe.SequenceTimes.NEVER;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// One HTTP request that has ended: what logs and traces say about it. Has nothing of what it asked
/// or was answered.
///
/// @param id as in `X-Request-Id`
/// @param route the path as it was registered, such as `/v1/models/{id}`
/// @param status what was answered; 499 if the client left before
/// @param problem why no whole answer was sent, in one line; null: it was
/// @param traceparent of the caller, as it came
/// @param background whether it only looks at the server, as health checks do
/// @param tenant who asked, if that is known
/// @param began reading of `System.nanoTime` at `time`
/// @param ended reading of `System.nanoTime`
/// @param sequences in the order in which they were submitted
public record RequestRecord(
    String id,
    String method,
    String route,
    int status,
    @Nullable String problem,
    @Nullable String traceparent,
    boolean background,
    String tenant,
    Instant time,
    long began,
    long ended,
    List<SequenceRecord> sequences) {
  public Duration duration() {
    return Duration.ofNanos(ended - began);
  }

  /// Whether the client got all of a good answer.
  public boolean answered() {
    return status < 400 && problem == null;
  }

  public int promptTokens() {
    return sequences.stream().mapToInt(SequenceRecord::promptTokens).sum();
  }

  public int cachedTokens() {
    return sequences.stream().mapToInt(SequenceRecord::cachedTokens).sum();
  }

  public int generatedTokens() {
    return sequences.stream().mapToInt(SequenceRecord::generatedTokens).sum();
  }

  /// The longest that a sequence waited for its first step.
  public Optional<Duration> queueTime() {
    return sequences.stream()
        .filter(sequence -> sequence.hasStarted() && sequence.queued() != NEVER)
        .map(sequence -> Duration.ofNanos(sequence.started() - sequence.queued()))
        .max(Duration::compareTo);
  }

  /// Until the first token of all.
  public Optional<Duration> timeToFirstToken() {
    return sequences.stream()
        .filter(SequenceRecord::hasToken)
        .map(sequence -> Duration.ofNanos(sequence.firstToken() - began))
        .min(Duration::compareTo);
  }

  /// One per sequence: `stop`, `length`, `abort` or `error`.
  public List<String> finishReasons() {
    return sequences.stream().map(sequence -> sequence.finishReason(answered())).toList();
  }
}
