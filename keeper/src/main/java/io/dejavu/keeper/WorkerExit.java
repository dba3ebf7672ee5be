package io.dejavu.keeper;

/// A process has exited: whatever it was writing, it writes no more.
///
/// @param worker the name it gave itself, or was started under
/// @param status of its exit, 137 after `kill -9`; -1 if this keeper did not start it
public record WorkerExit(String worker, long pid, int status) {}
