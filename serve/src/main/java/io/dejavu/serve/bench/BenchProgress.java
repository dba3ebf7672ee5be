package io.dejavu.serve.bench;

import io.dejavu.workload.Attempt;
import java.io.Console;
import java.util.Optional;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/// Progress bars of a measurement on stderr, if that is a terminal.
final class BenchProgress {
  private static final int INTERVAL_MILLIS = 500; // seldom: it is drawn beside what is measured

  private final boolean shown =
      Optional.ofNullable(System.console()).map(Console::isTerminal).orElse(false);

  /// One bar, closed at its end.
  Bar start(String task, int requests) {
    return new Bar(shown ? bar(task, requests) : null);
  }

  private static ProgressBar bar(String task, int requests) {
    return new ProgressBarBuilder()
        .setTaskName(task)
        .setInitialMax(requests)
        .setStyle(ProgressBarStyle.ASCII)
        .setUpdateIntervalMillis(INTERVAL_MILLIS)
        .build();
  }

  /// Counts requests as they end, on any thread.
  record Bar(@Nullable ProgressBar bar) implements AutoCloseable {
    void step(Attempt attempt) {
      if (bar != null) {
        bar.step();
        if (!attempt.completed() && attempt.failure() != null) {
          bar.setExtraMessage(attempt.failure().label());
        }
      }
    }

    @Override
    public void close() {
      if (bar != null) {
        bar.close();
      }
    }
  }
}
