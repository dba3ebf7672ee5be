package io.dejavu.serve.cli;

import io.dejavu.model.LoadProgress;
import java.io.Console;
import java.util.Optional;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/// A progress bar on stderr while weights are loaded: only on a terminal, and only if it takes more
/// than a second.
public final class LoadBar implements LoadProgress, AutoCloseable {
  private static final long PATIENCE_NANOS = 1_000_000_000;

  private final long start = System.nanoTime();
  private @Nullable ProgressBar bar;

  @Override
  public void loaded(String name, int done, int total) {
    // The console is asked last: to look for one takes time.
    if (System.nanoTime() - start < PATIENCE_NANOS || !isTerminal()) {
      return;
    }
    var shown = bar;
    if (shown == null) {
      shown =
          new ProgressBarBuilder()
              .setTaskName("loading")
              .setInitialMax(total)
              .setStyle(ProgressBarStyle.ASCII)
              .setUpdateIntervalMillis(200)
              .build();
      bar = shown;
    }
    shown.stepTo(done);
  }

  public static boolean isTerminal() {
    return Optional.ofNullable(System.console()).map(Console::isTerminal).orElse(false);
  }

  @Override
  public void close() {
    if (bar != null) {
      bar.close();
    }
  }
}
