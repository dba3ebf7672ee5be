package io.dejavu.serve.logging;

/// How much our own parts log; what others log are warnings. A command sets it before it does
/// anything.
public final class LogLevel {
  private static volatile String name = "WARN";

  private LogLevel() {}

  public static void set(String level) {
    name = level;
    Logging.apply();
  }

  static String name() {
    return name;
  }
}
