package io.dejavu.serve.bench.kv;

import io.dejavu.kv.HeadRange;
import io.dejavu.kv.KvLayout;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.disk.KvFileSpeed;
import io.dejavu.serve.cli.ByteSize;
import io.dejavu.serve.cli.ExitCode;
import io.dejavu.serve.logging.LogLevel;
import io.dejavu.tensor.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
    name = "disk",
    description = {
      "Measures records of keys and values on a disk, with their headers and checksums, beside plain"
          + " writes and reads of as many bytes in transfers of the same size, as dd oflag=direct"
          + " does them. Records of up to 4 MiB move as the cache's blocks do, several in a"
          + " transfer; larger ones one by one. Both in turn; medians over the rounds. Leaves no"
          + " file."
    },
    footerHeading = "%nExamples:%n",
    footer = {"  dejavu bench kv disk /var/cache/dejavu"},
    sortOptions = false)
final class BenchKvDiskCommand implements Callable<Integer> {
  /// The shape makes no difference to a disk.
  private static final KvLayout ANY =
      new KvLayout(
          new LayerRange(0, 1), 1, HeadRange.all(1), KvLayout.BLOCK_TOKENS, 64, DType.BF16);

  private static final long LARGEST = 1 << 30;

  @Spec @Nullable CommandSpec spec;

  @Parameters(index = "0", paramLabel = "DIRECTORY", description = "On the disk in question.")
  Path directory = Path.of("");

  @Option(
      names = "--pieces",
      split = ",",
      paramLabel = "BYTES",
      converter = ByteSize.class,
      description = "Sizes of the records. Default: 64K,1M,16M,64M.")
  List<Long> pieces = List.of(64L << 10, 1L << 20, 16L << 20, 64L << 20);

  @Option(
      names = "--bytes",
      paramLabel = "BYTES",
      converter = ByteSize.class,
      description = "Written and read in each round and size. Default: 256M.")
  long bytes = 256L << 20;

  @Option(names = "--rounds", paramLabel = "N", description = "Default: 5.")
  int rounds = 5;

  @Override
  public Integer call() throws IOException {
    LogLevel.set("WARN");
    if (spec == null) {
      throw new IllegalStateException("not run by the command line");
    }
    if (!Files.isDirectory(directory) || !Files.isWritable(directory)) {
      throw usage("%s is no directory that can be written to".formatted(directory));
    }
    if (rounds < 1 || bytes > LARGEST * 64 || pieces.stream().anyMatch(size -> size > LARGEST)) {
      throw usage(
          "--rounds %d --bytes %d --pieces %s: at least 1, at most %d, each at most %d"
              .formatted(rounds, bytes, pieces, LARGEST * 64, LARGEST));
    }
    var out = spec.commandLine().getOut();
    out.printf(
        "%-12s %8s %21s %6s %21s %6s%n",
        "record", "together", "written (plain) GB/s", "", "read (plain) GB/s", "");
    for (long piece : pieces) {
      int count = Math.clamp(bytes / piece, 1, Integer.MAX_VALUE);
      var speed = new KvFileSpeed(directory, piece, count, rounds).measure(ANY);
      out.printf(
          Locale.ROOT,
          "%8d KiB %8d %21s %5.0f%% %21s %5.0f%%%s%n",
          piece >> 10,
          speed.perTransfer(),
          pair(speed.written(), speed.rawWritten()),
          100 * speed.written() / speed.rawWritten(),
          pair(speed.read(), speed.rawRead()),
          100 * speed.read() / speed.rawRead(),
          speed.direct() ? "" : "  through the page cache: no direct I/O here");
      out.flush();
    }
    return ExitCode.DONE.code();
  }

  private static String pair(double ours, double plain) {
    return String.format(Locale.ROOT, "%.2f (%.2f)", ours / 1e9, plain / 1e9);
  }

  private CommandLine.ParameterException usage(String why) {
    if (spec == null) {
      throw new IllegalStateException("not run by the command line");
    }
    return new CommandLine.ParameterException(spec.commandLine(), why);
  }
}
