package io.dejavu.keeper;

/// Hears what becomes of others, and of what a process owns: one thing at a time, in a thread of
/// its own, which may ask the keeper. What it throws is logged.
public interface KeeperListener {
  /// A process that the keeper knows has exited.
  void exited(WorkerExit exit);

  /// A segment is this process's no more: the keeper that held it died, and the next one does not
  /// have it, or it is another's there. Who has it mapped still has the bytes; nobody takes them
  /// over.
  default void lost(String segment, String why) {}
}
