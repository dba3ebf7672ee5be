package io.dejavu.observe;

/// What is fixed about an engine and of interest to whoever watches it.
///
/// @param model as clients call it
/// @param blockTokens tokens in a block of KV cache
/// @param kvType in which keys and values are stored
/// @param prefixCache whether blocks are kept for prompts that begin alike
public record EngineFacts(String model, int blockTokens, String kvType, boolean prefixCache) {}
