package io.dejavu.serve.cli;

import static java.lang.System.Logger.Level.INFO;

import io.dejavu.hub.PullProgress;
import io.dejavu.local.Figures;
import java.time.Duration;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/// A progress bar on stderr while a model is fetched, with bytes and speed; where there is no
/// terminal, one line of the log.
final class PullBar implements PullProgress, AutoCloseable {
  private static final System.Logger LOG = System.getLogger(PullBar.class.getName());

  private final String name;
  private volatile @Nullable ProgressBar bar;

  PullBar(String name) {
    this.name = name;
  }

  @Override
  public void planned(int files, long bytes, long present) {
    if (!LoadBar.isTerminal()) {
      LOG.log(
          INFO,
          "fetching {0}: {1} files, {2}, of which {3} are there",
          name,
          files,
          Figures.bytes(bytes),
          Figures.bytes(present));
      return;
    }
    boolean large = bytes >= 1L << 30;
    bar =
        new ProgressBarBuilder()
            .setTaskName(name)
            .setInitialMax(bytes)
            .startsFrom(present, Duration.ZERO)
            .setUnit(large ? " GiB" : " MiB", large ? 1L << 30 : 1L << 20)
            .setStyle(ProgressBarStyle.ASCII)
            .setUpdateIntervalMillis(200)
            .showSpeed()
            .build();
  }

  @Override
  public void fetched(long bytes) {
    var shown = bar;
    if (shown != null) {
      shown.stepBy(bytes);
    }
  }

  @Override
  public void close() {
    var shown = bar;
    if (shown != null) {
      shown.close();
    }
  }
}
