package io.dejavu.observe;

import io.dejavu.engine.Engine;

/// What a page needs to draw the last minutes: the engine now, and counts whose differences make
/// rates.
///
/// @param requests HTTP requests under way, those that only look at the server aside
/// @param promptTokens of prompts computed since the start
/// @param generatedTokens since the start
/// @param finished sequences since the start
public record ServerStats(
    EngineFacts facts,
    Engine.Status status,
    int maxContext,
    long requests,
    long promptTokens,
    long cachedTokens,
    long generatedTokens,
    long finished,
    LatencyCounts firstToken,
    LatencyCounts nextToken) {}
