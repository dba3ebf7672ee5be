package io.dejavu.workload;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;

/// One request and its streamed answer, on one thread; only [#abort] comes from others.
final class Exchange {
  private static final System.Logger LOG = System.getLogger(Exchange.class.getName());
  private static final int LONGEST_REFUSAL = 64 << 10;

  private final PlannedRequest planned;
  private final int number;
  private final byte[] request;
  private final ConnectionPool pool;
  private final RunClock clock;

  private final Object lock = new Object();
  private @Nullable HttpConnection connection; // under the lock
  private Failure.@Nullable Kind aborted; // under the lock

  private long[] contentNanos = new long[64];
  private int contents;
  private long[] choiceNanos = new long[4]; // of chunks without content
  private int choices;
  private int promptTokens = -1;
  private int outputTokens = -1;
  private int cachedTokens;
  private boolean begun; // the head of an answer came
  private boolean finished;
  private boolean done;
  private @Nullable String error;
  private long now;

  /// @param request head and body, as sent
  Exchange(
      PlannedRequest planned, int number, byte[] request, ConnectionPool pool, RunClock clock) {
    this.planned = planned;
    this.number = number;
    this.request = request;
    this.pool = pool;
    this.clock = clock;
  }

  Attempt run() {
    long start = clock.now();
    Failure failure;
    try {
      failure = converse();
    } catch (HttpConnection.Garbled | JacksonException e) {
      failure = Failure.of(Failure.Kind.MALFORMED, String.valueOf(e.getMessage()));
    } catch (IOException e) {
      var kind = begun ? Failure.Kind.CUT : Failure.Kind.CONNECT;
      failure = Failure.of(kind, e.getMessage() == null ? e.toString() : e.getMessage());
    } finally {
      release();
    }
    return attempt(start, failure);
  }

  /// Ends it from another thread. The first reason counts.
  void abort(Failure.Kind reason) {
    synchronized (lock) {
      if (aborted == null) {
        aborted = reason;
        close(connection);
      }
    }
  }

  private @Nullable Failure converse() throws IOException {
    var head = request();
    begun = true;
    if (head.status() != 200) {
      return new Failure(Failure.Kind.HTTP, head.status(), refusal());
    }
    String type = head.headers().getOrDefault("content-type", "");
    if (!type.startsWith("text/event-stream")) {
      return Failure.of(Failure.Kind.MALFORMED, "an answer of type '%s'".formatted(type));
    }
    var events = new EventReader(this::event);
    var part = new byte[16 << 10];
    var answering = connection();
    for (int count = answering.read(part); count >= 0; count = answering.read(part)) {
      now = clock.at(answering.readNanos());
      events.feed(part, count);
    }
    if (error != null) {
      return Failure.of(Failure.Kind.SERVER, error);
    }
    if (!done && !finished) {
      return Failure.of(Failure.Kind.CUT, "the stream ended before the answer was complete");
    }
    return contents + choices == 0
        ? Failure.of(Failure.Kind.EMPTY, "the stream ended without a token")
        : null;
  }

  /// Sends the request, anew if the server had closed the connection since its last answer.
  private HttpConnection.Head request() throws IOException {
    var used = pool.used();
    if (used != null) {
      try {
        hold(used);
        used.send(request);
        return used.readHead();
      } catch (HttpConnection.Garbled e) {
        throw e;
      } catch (IOException e) {
        LOG.log(System.Logger.Level.DEBUG, "a connection was closed meanwhile", e);
        release();
      }
    }
    checkAborted();
    var fresh = pool.fresh();
    hold(fresh);
    fresh.send(request);
    return fresh.readHead();
  }

  private void event(byte[] data, int length) throws IOException {
    if (done || length == 0) {
      return;
    }
    if (data[0] == '[' && length == 6 && new String(data, 0, 6, UTF_8).equals("[DONE]")) {
      done = true;
      return;
    }
    var chunk = StreamChunk.of(data, length);
    if (chunk.error() != null && error == null) {
      error = chunk.error();
    }
    finished |= chunk.finished();
    promptTokens = chunk.promptTokens() >= 0 ? chunk.promptTokens() : promptTokens;
    outputTokens = chunk.outputTokens() >= 0 ? chunk.outputTokens() : outputTokens;
    cachedTokens = chunk.cachedTokens() >= 0 ? chunk.cachedTokens() : cachedTokens;
    if (chunk.content()) {
      contentNanos = appended(contentNanos, contents++, now);
    } else if (chunk.choice()) {
      choiceNanos = appended(choiceNanos, choices++, now);
    }
  }

  private String refusal() throws IOException {
    var body = new ByteArrayOutputStream();
    var part = new byte[4096];
    var answering = connection();
    for (int count = answering.read(part); count >= 0; count = answering.read(part)) {
      if (body.size() < LONGEST_REFUSAL) {
        body.write(part, 0, count);
      }
    }
    return body.toString(UTF_8);
  }

  private Attempt attempt(long start, @Nullable Failure seen) {
    // An answer of one token that shows nothing: its only chunk is the one that ends it.
    long[] times =
        contents > 0 ? Arrays.copyOf(contentNanos, contents) : Arrays.copyOf(choiceNanos, choices);
    var reason = reason();
    var failure =
        reason == null || seen == null
            ? seen
            : Failure.of(
                reason, reason == Failure.Kind.TIMEOUT ? "no complete answer in time" : "stopped");
    return new Attempt(
        number,
        planned,
        start,
        times,
        clock.now(),
        promptTokens < 0 ? planned.promptTokens() : promptTokens,
        outputTokens < 0 ? times.length : outputTokens,
        cachedTokens,
        failure);
  }

  private void hold(HttpConnection opened) throws IOException {
    synchronized (lock) {
      connection = opened;
      if (aborted != null) {
        close(opened);
      }
    }
  }

  private HttpConnection connection() throws IOException {
    synchronized (lock) {
      if (connection == null) {
        throw new EOFException("no connection");
      }
      return connection;
    }
  }

  private void release() {
    synchronized (lock) {
      if (connection != null) {
        pool.giveBack(connection);
      }
      connection = null;
    }
  }

  private Failure.@Nullable Kind reason() {
    synchronized (lock) {
      return aborted;
    }
  }

  private void checkAborted() throws IOException {
    if (reason() != null) {
      throw new EOFException("ended before it was sent");
    }
  }

  private static void close(@Nullable HttpConnection connection) {
    try {
      if (connection != null) {
        connection.close();
      }
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "a connection did not close", e);
    }
  }

  private static long[] appended(long[] times, int count, long time) {
    long[] room = count < times.length ? times : Arrays.copyOf(times, 2 * times.length);
    room[count] = time;
    return room;
  }
}
