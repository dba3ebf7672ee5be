package io.dejavu.api;

import io.dejavu.model.Tokenizer;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// Makes token ids of prompts. A tokenizer is native code, which holds the carrier of a virtual
/// thread for as long as it runs; so long texts have threads of their own, and all other requests
/// go on meanwhile. As many texts wait as requests are under way.
final class Tokenizing implements AutoCloseable {
  /// Characters that are encoded on the spot: a matter of a few milliseconds.
  private static final int SHORT = 16 << 10;

  private static final int THREADS = 2;

  private final ApiConfig config;
  private final ExecutorService threads =
      Executors.newFixedThreadPool(
          THREADS, Thread.ofPlatform().daemon().name("tokenizer-", 1).factory());

  Tokenizing(ApiConfig config) {
    this.config = config;
  }

  /// @param arrivals of the request, for its deadline
  /// @throws HttpError when the request has taken too long or the server is stopping
  int[] encode(Tokenizer tokenizer, String text, boolean specialTokens, Arrivals arrivals)
      throws InterruptedException {
    if (text.length() <= SHORT) {
      return tokenizer.encode(text, specialTokens);
    }
    Future<int[]> ids;
    try {
      ids = threads.submit(() -> tokenizer.encode(text, specialTokens));
    } catch (RejectedExecutionException _) {
      throw stopping();
    }
    try {
      return ids.get(arrivals.nanosLeft(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException _) {
      throw arrivals.late();
    } catch (CancellationException _) {
      throw stopping();
    } catch (ExecutionException e) {
      throw new IllegalStateException("a prompt could not be tokenized", e.getCause());
    } finally {
      ids.cancel(false);
    }
  }

  private HttpError stopping() {
    return HttpError.tryLater(503, "the server is stopping", config.retryAfter());
  }

  /// Drops what waits and returns when nothing uses a tokenizer any more.
  @Override
  public void close() {
    for (Runnable waiting : threads.shutdownNow()) {
      if (waiting instanceof Future<?> ids) {
        ids.cancel(false);
      }
    }
    threads.close();
  }
}
