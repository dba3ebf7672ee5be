package io.dejavu.serve;

import io.dejavu.serve.cli.ExitCode;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/// Writes `docs/options.md`.
@Command(
    name = "options",
    description = "Prints docs/options.md, the reference of all commands.",
    hidden = true)
final class OptionsCommand implements Callable<Integer> {
  @Spec @Nullable CommandSpec spec;

  @Override
  public Integer call() {
    if (spec == null) {
      throw new IllegalStateException("not run by the command line");
    }
    spec.commandLine().getOut().print(page(Dejavu.commandLine()));
    return ExitCode.DONE.code();
  }

  static String page(CommandLine root) {
    var page = new StringBuilder();
    page.append(
        """
        # Options

        Written by `./dejavu options > docs/options.md`; a test fails when it is out of date.
        Answers and reports go to stdout, logs and errors to stderr.
        `DEJAVU_JAVA_OPTS` is added to the flags of the JVM.
        """);
    for (var command : commands(root)) {
      section(page, command.getCommandSpec());
    }
    page.append("\n## Exit codes\n\n| code | meaning |\n|---|---|\n");
    for (var code : ExitCode.values()) {
      page.append("| %d | %s |\n".formatted(code.code(), code.meaning()));
    }
    return page.toString();
  }

  /// Those that can be called and are not hidden, depth first.
  private static List<CommandLine> commands(CommandLine parent) {
    var all = new ArrayList<CommandLine>();
    for (var child : parent.getSubcommands().values()) {
      if (!child.getCommandSpec().usageMessage().hidden()) {
        if (child.getSubcommands().isEmpty()) {
          all.add(child);
        }
        all.addAll(commands(child));
      }
    }
    return all;
  }

  private static void section(StringBuilder page, CommandSpec command) {
    page.append("\n## %s\n\n".formatted(command.qualifiedName()));
    for (String line : command.usageMessage().description()) {
      page.append(line).append('\n');
    }
    page.append("\n| option | meaning |\n|---|---|\n");
    for (var parameter : command.positionalParameters()) {
      row(page, "`%s`".formatted(parameter.paramLabel()), parameter);
    }
    for (var option : command.options()) {
      if (!option.hidden() && !option.usageHelp() && !option.versionHelp()) {
        String value = option.arity().max() == 0 ? "" : " " + option.paramLabel();
        row(page, "`%s%s`".formatted(String.join("`, `", option.names()), value), option);
      }
    }
    page.append("\n```sh\n");
    for (String line : command.usageMessage().footer()) {
      page.append(line.strip()).append('\n');
    }
    page.append("```\n");
  }

  private static void row(StringBuilder page, String name, ArgSpec argument) {
    String meaning = String.join(" ", argument.description()).replace("|", "\\|");
    page.append("| %s | %s |\n".formatted(name, meaning));
  }
}
