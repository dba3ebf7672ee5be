package io.dejavu.serve.bench;

import io.dejavu.serve.bench.kv.BenchKvCommand;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/// `dejavu bench`: only the names of what it can measure.
@Command(
    name = "bench",
    description = "Measures.",
    subcommands = {
      BenchEngineCommand.class,
      BenchServeCommand.class,
      BenchCompareCommand.class,
      BenchKvCommand.class
    },
    synopsisSubcommandLabel = "COMMAND",
    footerHeading = "%nExamples:%n",
    footer = {
      "  dejavu bench engine --pp 128 --tg 32 --batch 1,8",
      "  dejavu bench serve --concurrency 16 --input-len 32 --output-len 128"
    })
public final class BenchCommand implements Runnable {
  @Spec @Nullable CommandSpec spec;

  @Override
  public void run() {
    if (spec != null) {
      throw new CommandLine.ParameterException(
          spec.commandLine(), "measure what? bench engine, bench serve, bench compare, bench kv");
    }
  }
}
