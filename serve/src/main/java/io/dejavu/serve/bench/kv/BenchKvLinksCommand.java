package io.dejavu.serve.bench.kv;

import io.dejavu.serve.bench.kv.SliceBench.How;
import io.dejavu.serve.cli.ByteSize;
import io.dejavu.serve.cli.ExitCode;
import io.dejavu.serve.cli.LoadBar;
import io.dejavu.serve.logging.LogLevel;
import io.dejavu.transport.LinkBench;
import io.dejavu.transport.LinkBench.Link;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "links",
    description = {
      "Measures the ways to another process on this machine, each beside a plain program that does"
          + " the same with nothing around it: writes and reads a socket, or copies memory. Both in"
          + " turn; medians over the rounds.",
      "",
      "Then slices of keys and values: cut into pieces, checked, sent over one connection or"
          + " several, received to where they belong, checked again and acknowledged."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  dejavu bench kv links",
      "  dejavu bench kv links --way shm --pieces 64K,1M --rounds 9"
    },
    sortOptions = false)
final class BenchKvLinksCommand implements Callable<Integer> {
  @Spec @Nullable CommandSpec spec;

  @Option(
      names = "--way",
      split = ",",
      paramLabel = "WAY",
      description = "shm, unix, tcp. Default: all of them.")
  List<String> ways = List.of("shm", "unix", "tcp");

  @Option(
      names = "--pieces",
      split = ",",
      paramLabel = "BYTES",
      converter = ByteSize.class,
      description = "Sizes, such as 64K. Default: 4K to 16M.")
  List<Long> pieces = LinkBench.PIECES;

  @Option(names = "--rounds", paramLabel = "N", description = "Default: 5.")
  int rounds = 5;

  /// How slices are sent.
  private static final List<How> HOWS =
      List.of(new How(1, false), new How(1, true), new How(2, true), new How(4, true));

  @Override
  public Integer call() throws IOException {
    LogLevel.set("WARN");
    if (spec == null) {
      throw new IllegalStateException("not run by the command line");
    }
    if (rounds < 1) {
      throw usage("--rounds is %d, must be at least 1".formatted(rounds));
    }
    for (long piece : pieces) {
      if (piece < 1 || piece > LinkBench.MOST_PIECE) {
        throw usage(
            "--pieces has %d bytes, must be 1 to %d".formatted(piece, LinkBench.MOST_PIECE));
      }
    }
    var links = ways.stream().map(this::link).toList();
    var out = spec.commandLine().getOut();
    var lines = new ArrayList<String>();
    int tasks = links.size() * (pieces.size() + 1 + HOWS.size()) + 1;
    try (var bar = LoadBar.isTerminal() ? bar(tasks) : null) {
      Consumer<String> progress =
          task -> {
            if (bar != null) {
              bar.step().setExtraMessage(task);
            }
          };
      var report = new LinkBench(rounds, progress).run(links, pieces);
      lines.addAll(report.lines());
      lines.add("");
      lines.add(
          "%-20s %-15s %8s %9s %6s".formatted("slices of 16 MiB", "", "GB/s", "plain", "share"));
      for (String way : ways) {
        double plain = plain(report, link(way));
        for (How how : HOWS) {
          progress.accept("slices over " + way);
          double speed = new SliceBench(rounds).measure(way, how);
          lines.add(line(link(way), how, speed, plain));
        }
      }
    }
    lines.forEach(out::println);
    out.flush();
    return ExitCode.DONE.code();
  }

  /// Of the largest body.
  private static double plain(LinkBench.Report report, Link link) {
    return report.bandwidths().stream()
        .filter(row -> row.link() == link)
        .max(Comparator.comparingLong(LinkBench.Bandwidth::pieceBytes))
        .orElseThrow()
        .plain();
  }

  private static String line(Link link, How how, double speed, double plain) {
    var lanes = how.connections() == 1 ? "1 lane" : how.connections() + " lanes";
    return String.format(
        Locale.ROOT,
        "%-20s %-15s %8.2f %9.2f %5.0f%%",
        link.title(),
        lanes + (how.checksums() ? ", CRC" : ", no CRC"),
        speed / 1e9,
        plain / 1e9,
        100 * speed / plain);
  }

  private static ProgressBar bar(int tasks) {
    return new ProgressBarBuilder()
        .setTaskName("measuring")
        .setInitialMax(tasks)
        .setStyle(ProgressBarStyle.ASCII)
        .build();
  }

  private Link link(String way) {
    return switch (way) {
      case "shm" -> Link.SHARED_MEMORY;
      case "unix" -> Link.UNIX;
      case "tcp" -> Link.TCP;
      default -> throw usage("--way is '%s', must be shm, unix or tcp".formatted(way));
    };
  }

  private CommandLine.ParameterException usage(String why) {
    if (spec == null) {
      throw new IllegalStateException("not run by the command line");
    }
    return new CommandLine.ParameterException(spec.commandLine(), why);
  }
}
