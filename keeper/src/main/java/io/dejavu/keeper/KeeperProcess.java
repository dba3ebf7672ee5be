package io.dejavu.keeper;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// Starts keepers. They take little: a heap of 16 MiB, one collector thread, a compiler that is
/// quick.
public final class KeeperProcess {
  private static final List<String> FLAGS =
      List.of("-XX:+UseSerialGC", "-Xmx16m", "-Xss256k", "-XX:TieredStopAtLevel=1", "-Xshare:auto");

  private KeeperProcess() {}

  /// The command that runs a keeper with this process's Java and classes.
  public static List<String> command(Path socket, KeeperConfig config) {
    var command = new ArrayList<String>();
    command.add(ProcessHandle.current().info().command().orElse("java"));
    command.addAll(FLAGS);
    var modules = System.getProperty("jdk.module.path");
    if (modules == null) {
      command.addAll(List.of("-cp", System.getProperty("java.class.path", "")));
      command.add(Keeper.class.getName());
    } else {
      command.addAll(List.of("-p", modules, "-m", "io.dejavu.keeper/" + Keeper.class.getName()));
    }
    command.add(socket.toString());
    command.addAll(config.words());
    return command;
  }

  /// Starts one that goes on when this process ends.
  public static Process start(Path socket) throws IOException {
    return start(socket, KeeperConfig.DEFAULT);
  }

  /// Starts one that goes on when this process ends.
  public static Process start(Path socket, KeeperConfig config) throws IOException {
    return builder(socket, config).redirectInput(new File("/dev/null")).start();
  }

  static ProcessBuilder builder(Path socket, KeeperConfig config) {
    return new ProcessBuilder(command(socket, config))
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .redirectError(ProcessBuilder.Redirect.INHERIT);
  }
}
