package io.dejavu.serve.cli;

import java.io.File;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;

/// This program once more, in a process of its own: the other end of a link that is measured, a
/// worker that is killed.
public final class OwnProcess {
  /// By name: whoever starts processes is below the commands.
  private static final String MAIN = "io.dejavu.serve.Dejavu";

  private OwnProcess() {}

  /// What starts it, with the Java, the code and the options of this process. Its errors go where
  /// this one's go.
  ///
  /// @param arguments of the command line, after `dejavu`
  public static ProcessBuilder with(String... arguments) {
    var command = new ArrayList<String>();
    command.add(ProcessHandle.current().info().command().orElse("java"));
    var options = ManagementFactory.getRuntimeMXBean().getInputArguments();
    var module = OwnProcess.class.getModule();
    if (module.isNamed() && module.getName().equals(System.getProperty("jdk.module.main"))) {
      command.addAll(options);
      command.add("-p");
      command.add(System.getProperty("jdk.module.path"));
      command.add("-m");
      command.add(module.getName() + "/" + MAIN);
    } else {
      command.addAll(options.stream().filter(option -> option.startsWith("-XX:")).toList());
      command.addAll(
          List.of("--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"));
      var home = System.getProperty("dejavu.home");
      if (home != null) {
        command.add("-Ddejavu.home=" + home);
      }
      command.add("-cp");
      command.add(
          System.getProperty("jdk.module.path", "")
              + File.pathSeparator
              + System.getProperty("java.class.path"));
      command.add(MAIN);
    }
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
  }
}
