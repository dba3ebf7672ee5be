package io.dejavu.keeper;

/// Memory that a keeper holds.
///
/// @param name unique at its keeper
/// @param bytes its size
/// @param owner who alone writes to it: the name that a process gave itself
/// @param path where whoever runs as the same user opens it, as long as the keeper lives
public record Segment(String name, long bytes, String owner, String path) {}
