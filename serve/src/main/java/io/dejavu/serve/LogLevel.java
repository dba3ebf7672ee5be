package io.dejavu.serve;

/// How much our own parts log; what others log are warnings. A command sets it before anything is
/// logged.
final class LogLevel {
  private static volatile String name = "WARN";

  private LogLevel() {}

  static void set(String level) {
    name = level;
  }

  static String name() {
    return name;
  }
}
