package io.dejavu.serve;

/// How much our own parts log; what others log are warnings. A command sets it before it does
/// anything.
final class LogLevel {
  private static volatile String name = "WARN";

  private LogLevel() {}

  static void set(String level) {
    name = level;
    Logging.apply();
  }

  static String name() {
    return name;
  }
}
