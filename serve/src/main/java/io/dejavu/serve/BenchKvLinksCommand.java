package io.dejavu.serve;

import io.dejavu.transport.LinkBench;
import io.dejavu.transport.LinkBench.Link;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.Callable;
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
          + " turn; medians over the rounds."
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
    report(links).lines().forEach(out::println);
    out.flush();
    return ExitCode.DONE.code;
  }

  private LinkBench.Report report(List<Link> links) throws IOException {
    try (var bar = LoadBar.isTerminal() ? bar(links.size() * (pieces.size() + 1) + 1) : null) {
      return new LinkBench(
              rounds,
              task -> {
                if (bar != null) {
                  bar.step().setExtraMessage(task);
                }
              })
          .run(links, pieces);
    }
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
