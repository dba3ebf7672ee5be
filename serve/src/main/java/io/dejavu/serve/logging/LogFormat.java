package io.dejavu.serve.logging;

/// How log lines look. A command sets it before anything is logged.
public enum LogFormat {
  /// For people: time, level, who, what.
  TEXT,
  /// One JSON object per line, for programs.
  JSON;

  private static volatile LogFormat chosen = TEXT;

  public static void set(LogFormat format) {
    chosen = format;
  }

  static LogFormat chosen() {
    return chosen;
  }
}
