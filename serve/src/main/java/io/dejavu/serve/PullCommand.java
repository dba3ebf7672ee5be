package io.dejavu.serve;

import io.dejavu.hub.HubName;
import io.dejavu.serve.cli.ExitCode;
import io.dejavu.serve.cli.HubOptions;
import io.dejavu.serve.logging.LogLevel;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
    name = "pull",
    description = {
      "Fetches a model from the Hugging Face hub, as far as it is missing, into the cache that"
          + " Python's huggingface_hub uses too, and prints its folder.",
      "",
      "A pull that was ended goes on where it was. The other commands fetch by themselves."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  dejavu pull Qwen/Qwen3-0.6B",
      "  HF_TOKEN=hf_... dejavu pull meta-llama/Llama-3.2-1B",
      "  dejavu pull facebook/opt-125m --revision main"
    },
    sortOptions = false)
final class PullCommand implements Callable<Integer> {
  @Spec @Nullable CommandSpec spec;

  @Parameters(
      index = "0",
      paramLabel = "MODEL",
      description = "ORG/NAME or ORG/NAME@REVISION on the hub.")
  String model = "";

  @Mixin HubOptions hub = new HubOptions();

  @Option(names = "--verbose", description = "Says on stderr what is tried again, and why.")
  boolean verbose;

  @Override
  public Integer call() {
    LogLevel.set(verbose ? "INFO" : "WARN");
    if (spec == null) {
      throw new IllegalStateException("not run by the command line");
    }
    try {
      var name =
          HubName.parse(model)
              .orElseThrow(
                  () ->
                      new IllegalArgumentException(
                          "\"%s\" is no model of the hub; they are called ORG/NAME"
                              .formatted(model)));
      spec.commandLine().getOut().println(hub.pull(name));
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()), e);
    }
    return ExitCode.DONE.code();
  }
}
