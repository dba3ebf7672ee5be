package io.dejavu.serve;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.dejavu.engine.EngineConfig;
import io.dejavu.engine.EngineObserver;
import io.dejavu.kv.KvConfig;
import io.dejavu.local.GeneratedText;
import io.dejavu.local.GenerationException;
import io.dejavu.local.GenerationOptions;
import io.dejavu.local.LanguageModel;
import io.dejavu.local.LoadedModel;
import io.dejavu.local.TextGeneration;
import io.dejavu.model.StepLimits;
import io.dejavu.serve.cli.ExitCode;
import io.dejavu.serve.cli.LoadBar;
import io.dejavu.serve.cli.ModelOptions;
import io.dejavu.serve.logging.LogLevel;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
    name = "generate",
    description = "Continues a text, on stdout while it is generated. Nothing else goes there.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  dejavu generate 'ROMEO:'",
      "  dejavu generate ~/models/Llama-3.2-1B 'The capital of France is' -n 20 --temperature 0",
      "  cat scene.txt | dejavu generate - --seed 7 --verbose"
    },
    sortOptions = false)
final class GenerateCommand implements Callable<Integer> {
  @Spec @Nullable CommandSpec spec;

  @Parameters(
      arity = "1..2",
      paramLabel = "[MODEL] PROMPT",
      hideParamSyntax = true,
      description =
          "The text to continue (-: all of stdin), after MODEL if it is not the bundled one: the"
              + " directory of a checkpoint, or ORG/NAME[@REVISION] on the Hugging Face hub.")
  List<String> modelAndPrompt = List.of();

  @Mixin ModelOptions options = new ModelOptions();

  @Option(
      names = {"-n", "--max-tokens"},
      paramLabel = "N",
      description = "Most tokens to generate. Default: 128.")
  int maxTokens = 128;

  @Option(
      names = "--temperature",
      paramLabel = "T",
      description =
          "0: always the likeliest token; higher: more variety. Default: what the checkpoint"
              + " suggests, else 1.")
  @Nullable Float temperature;

  @Option(
      names = "--top-k",
      paramLabel = "K",
      description = "Draw from the K likeliest tokens only; 0: from all.")
  @Nullable Integer topK;

  @Option(
      names = "--top-p",
      paramLabel = "P",
      description = "Draw from the likeliest tokens that have probability P together.")
  @Nullable Float topP;

  @Option(
      names = "--min-p",
      paramLabel = "P",
      description = "Draw no token less likely than P times the likeliest.")
  @Nullable Float minP;

  @Option(
      names = "--repetition-penalty",
      paramLabel = "R",
      description = "Above 1: makes tokens that were seen less likely.")
  @Nullable Float repetition;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "The same seed gives the same text. Default: a new one each time.")
  @Nullable Long seed;

  @Option(
      names = "--stop",
      paramLabel = "TEXT",
      description = "Ends before this text; can be given several times.")
  List<String> stops = List.of();

  @Option(names = "--ignore-eos", description = "Goes on after the model's end-of-text token.")
  boolean ignoreEos;

  @Option(names = "--verbose", description = "Says on stderr what ran, and how fast.")
  boolean verbose;

  @Override
  public Integer call() throws IOException, InterruptedException {
    LogLevel.set(verbose ? "INFO" : "WARN");
    if (spec == null) {
      throw new IllegalStateException("not run by the command line");
    }
    var out = spec.commandLine().getOut();
    var err = spec.commandLine().getErr();
    if (modelAndPrompt.size() > 2) {
      throw options.usage("%d texts; quote the prompt".formatted(modelAndPrompt.size()));
    }
    String model = modelAndPrompt.size() == 2 ? modelAndPrompt.getFirst() : null;
    String prompt = modelAndPrompt.getLast();
    if (prompt.equals("-")) {
      prompt = new String(System.in.readAllBytes(), UTF_8);
    }
    var loaded = load(model, new StepLimits(EngineConfig.DEFAULT.stepTokens(), 0));
    try (var language = language(loaded, prompt)) {
      var generation = language.start(prompt, generationOptions());
      generate(generation, out, err);
    } catch (IllegalArgumentException e) {
      throw options.usage(e);
    } catch (GenerationException e) {
      throw new IllegalStateException(e.getMessage(), e);
    }
    return ExitCode.DONE.code();
  }

  private LoadedModel load(@Nullable String model, StepLimits limits) {
    try (var bar = new LoadBar()) {
      return LoadedModel.open(options.config(model), limits, bar);
    } catch (IllegalArgumentException e) {
      throw options.usage(e);
    }
  }

  /// With memory for this text only, not for all positions of the model.
  private LanguageModel language(LoadedModel loaded, String text) {
    var tokenizer = loaded.tokenizer();
    int tokens = tokenizer == null ? 0 : tokenizer.encode(text, true).length;
    int positions = loaded.executor().sizes().maxPositions();
    var defaults = EngineConfig.DEFAULT;
    var config =
        new EngineConfig(
            defaults.stepTokens(),
            defaults.maxRunning(),
            defaults.maxWaiting(),
            Math.clamp((long) tokens + maxTokens, 2, positions));
    var kv = KvConfig.DEFAULT.forOneSequence();
    return LanguageModel.of(loaded, config, kv, EngineObserver.NONE);
  }

  private GenerationOptions generationOptions() {
    var asked =
        GenerationOptions.DEFAULT
            .withMaxTokens(maxTokens)
            .withTemperature(temperature)
            .withTopK(topK)
            .withTopP(topP)
            .withMinP(minP)
            .withRepetitionPenalty(repetition)
            .withSeed(seed)
            .withStops(stops);
    return ignoreEos ? asked.withoutEnd() : asked;
  }

  private void generate(TextGeneration generation, PrintWriter out, PrintWriter err)
      throws InterruptedException {
    long start = System.nanoTime();
    long first = 0;
    for (String piece = generation.next(); piece != null; piece = generation.next()) {
      first = first == 0 ? System.nanoTime() : first;
      out.print(piece);
      out.flush();
    }
    out.println();
    out.flush();
    if (verbose) {
      report(err, generation.finish(), first - start, System.nanoTime() - first);
    }
  }

  private static void report(PrintWriter err, GeneratedText text, long prefill, long decode) {
    int more = Math.max(0, text.tokens().size() - 1);
    err.printf(
        Locale.ROOT,
        "%d prompt tokens in %.2f s (%.1f/s), %d more in %.2f s (%.1f/s), seed %d%n",
        text.promptTokens(),
        prefill / 1e9,
        text.promptTokens() / (prefill / 1e9),
        more,
        decode / 1e9,
        more / (decode / 1e9),
        text.seed());
  }
}
