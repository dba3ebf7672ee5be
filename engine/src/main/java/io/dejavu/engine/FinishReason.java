package io.dejavu.engine;

/// Why a sequence ended.
public enum FinishReason {
  /// A stop token was drawn; it is the last token reported.
  STOP,
  /// `maxTokens` were generated or the context is full.
  LENGTH,
  /// The client went away or asked to stop.
  CANCELLED,
  /// Its timeout passed; what was generated so far was reported.
  DEADLINE
}
