package io.dejavu.engine;

/// Log probabilities around one token, before any sampling parameter.
///
/// @param logprob of the token itself, natural
/// @param rank 1 if no other token was likelier
/// @param topIds the likeliest tokens, best first
/// @param topLogprobs of `topIds`
public record TokenLogprobs(float logprob, int rank, int[] topIds, float[] topLogprobs) {}
