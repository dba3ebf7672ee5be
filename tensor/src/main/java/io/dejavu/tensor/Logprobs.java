package io.dejavu.tensor;

/// Where {@link Kernels#logprobs} writes, for `R` rows of logits.
///
/// @param chosen f32 `[1, R]`: log probability of each row's target
/// @param ranks i32 `[1, R]`: how many tokens are likelier than the target, plus one
/// @param topIds i32 `[R, n]`: the likeliest tokens, best first, the lowest id of equals first
/// @param topValues f32 `[R, n]`: their log probabilities
public record Logprobs(Tensor chosen, Tensor ranks, Tensor topIds, Tensor topValues) {
  public Logprobs {
    chosen.require("chosen", DType.F32, 1, chosen.columns());
    ranks.require("ranks", DType.I32, 1, chosen.columns());
    topIds.require("topIds", DType.I32, chosen.columns(), topIds.columns());
    topValues.require("topValues", DType.F32, chosen.columns(), topIds.columns());
  }
}
