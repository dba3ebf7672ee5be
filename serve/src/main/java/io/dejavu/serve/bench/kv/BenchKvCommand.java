package io.dejavu.serve.bench.kv;

import io.dejavu.serve.bench.kv.survive.BenchKvSurviveCommand;
import io.dejavu.serve.bench.kv.survive.SurviveWorkerCommand;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/// `dejavu bench kv`: only the names of what it can measure.
@Command(
    name = "kv",
    description = "Measures how keys and values move.",
    subcommands = {
      BenchKvLinksCommand.class,
      BenchKvDiskCommand.class,
      BenchKvTiersCommand.class,
      BenchKvStreamCommand.class,
      BenchKvPeerCommand.class,
      BenchKvSurviveCommand.class,
      SurviveWorkerCommand.class
    },
    synopsisSubcommandLabel = "COMMAND",
    footerHeading = "%nExamples:%n",
    footer = {
      "  dejavu bench kv links",
      "  dejavu bench kv stream --to tcp",
      "  dejavu bench kv survive --kills 200"
    })
public final class BenchKvCommand implements Runnable {
  @Spec @Nullable CommandSpec spec;

  @Override
  public void run() {
    if (spec != null) {
      throw new CommandLine.ParameterException(
          spec.commandLine(),
          "measure what? bench kv links, bench kv disk, bench kv tiers, bench kv stream, bench kv"
              + " survive");
    }
  }
}
