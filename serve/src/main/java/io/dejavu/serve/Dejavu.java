package io.dejavu.serve;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.dejavu.serve.bench.BenchCommand;
import io.dejavu.serve.cli.ExitCode;
import io.dejavu.serve.cli.Installation;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/// The command line. Answers and reports go to stdout, logs and errors to stderr, both in UTF-8.
@Command(
    name = "dejavu",
    description = {
      "Serves large language models with a KV cache that moves.",
      "",
      "MODEL is a directory as Hugging Face lays it out, or ORG/NAME[@REVISION] on its hub, which is",
      "fetched once. Without it, the small bundled model speaks: shakespeare-opt-7m.",
      ""
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  dejavu serve                                      a server on http://127.0.0.1:8080",
      "  dejavu serve ~/models/Llama-3.2-1B --weights int8 --port 9000",
      "  dejavu serve Qwen/Qwen3-0.6B                      a model of the Hugging Face hub",
      "  dejavu generate 'First Citizen:'                  text on the terminal",
      "  dejavu bench engine --pp 128 --tg 32 --batch 1,8  how fast is this machine?",
      "  dejavu doctor                                     is everything there?",
      "",
      "`dejavu COMMAND --help` says more about a command."
    },
    synopsisSubcommandLabel = "COMMAND",
    commandListHeading = "%nCommands:%n",
    mixinStandardHelpOptions = true,
    versionProvider = Dejavu.Version.class,
    scope = ScopeType.INHERIT)
public final class Dejavu implements Runnable {
  private static final Map<String, Supplier<Object>> COMMANDS = commands();

  @Spec @Nullable CommandSpec spec;

  private Dejavu() {}

  public static void main(String[] args) {
    var out = new PrintStream(new FileOutputStream(FileDescriptor.out), true, UTF_8);
    var err = new PrintStream(new FileOutputStream(FileDescriptor.err), true, UTF_8);
    System.setOut(out);
    System.setErr(err);
    int code = run(new PrintWriter(out, true, UTF_8), new PrintWriter(err, true, UTF_8), args);
    // No hook is left to run, and exit() would start the logging to say that it exits.
    Runtime.getRuntime().halt(code);
  }

  /// Runs a command to its end.
  ///
  /// @return the exit code
  public static int run(PrintWriter out, PrintWriter err, String... args) {
    var line = commandLine(args).setOut(out).setErr(err);
    try {
      return line.execute(args);
    } catch (OutOfMemoryError e) {
      err.println("dejavu: not enough memory: " + oneLine(String.valueOf(e.getMessage())));
      return ExitCode.MEMORY.code();
    } finally {
      out.flush();
      err.flush();
    }
  }

  /// All commands, or only the one that `args` name: to read the annotations of a command takes a
  /// tenth of a second.
  static CommandLine commandLine(String... args) {
    var line = new CommandLine(new Dejavu());
    boolean named = args.length > 0 && COMMANDS.containsKey(args[0]);
    COMMANDS.forEach(
        (name, command) -> {
          if (!named || name.equals(args[0])) {
            line.addSubcommand(name, command.get());
          }
        });
    return line.setCaseInsensitiveEnumValuesAllowed(true)
        .setUsageHelpLongOptionsMaxWidth(28)
        .setUsageHelpWidth(100)
        .setParameterExceptionHandler(Dejavu::explainUsage)
        .setExecutionExceptionHandler((e, failed, _) -> explain(e, failed))
        .setExitCodeExceptionMapper(e -> ExitCode.of(e).code());
  }

  private static int explainUsage(CommandLine.ParameterException problem, String[] args) {
    var line = problem.getCommandLine();
    line.getErr()
        .println(
            "dejavu: %s; see '%s --help'"
                .formatted(wording(problem), line.getCommandSpec().qualifiedName()));
    return ExitCode.USAGE.code();
  }

  /// The library's words, except where a command is misspelt.
  private static String wording(CommandLine.ParameterException problem) {
    if (problem instanceof CommandLine.UnmatchedArgumentException unmatched
        && !unmatched.isUnknownOption()
        && !unmatched.getCommandLine().getSubcommands().isEmpty()) {
      return "there is no command '%s'".formatted(unmatched.getUnmatched().getFirst());
    }
    return oneLine(String.valueOf(problem.getMessage()));
  }

  private static int explain(Exception problem, CommandLine line) {
    if (problem instanceof CommandLine.ParameterException usage) {
      return explainUsage(usage, new String[0]);
    }
    var code = ExitCode.of(problem);
    var message = problem.getMessage();
    if (code == ExitCode.FAILED) {
      System.getLogger(Dejavu.class.getName())
          .log(System.Logger.Level.ERROR, "unexpected failure", problem);
    }
    line.getErr().println("dejavu: " + oneLine(message == null ? problem.toString() : message));
    return code.code();
  }

  @Override
  public void run() {
    if (spec != null) {
      throw new CommandLine.ParameterException(spec.commandLine(), "a command is missing");
    }
  }

  private static Map<String, Supplier<Object>> commands() {
    var commands = new LinkedHashMap<String, Supplier<Object>>();
    commands.put("serve", ServeCommand::new);
    commands.put("generate", GenerateCommand::new);
    commands.put("pull", PullCommand::new);
    commands.put("bench", BenchCommand::new);
    commands.put("doctor", DoctorCommand::new);
    commands.put("options", OptionsCommand::new);
    return commands;
  }

  private static String oneLine(String message) {
    return message.strip().replaceAll("\\s*\\R\\s*", "; ");
  }

  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {"dejavu " + Installation.version(), "Java " + Runtime.version()};
    }
  }
}
