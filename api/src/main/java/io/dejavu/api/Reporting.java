package io.dejavu.api;

/// What a client wants to know beside the text.
///
/// @param logprobs likeliest tokens reported beside each token; -1: no logprobs
/// @param promptLogprobs likeliest tokens reported beside each token of the prompt; -1: none
/// @param listPromptLogprobs whether the client asked for vLLM's `prompt_logprobs`; `echo` with
///   `logprobs` needs them too
/// @param tokenIds whether the answer has token ids
/// @param tokensAsIds whether logprobs name tokens by id instead of text
record Reporting(
    int logprobs,
    int promptLogprobs,
    boolean listPromptLogprobs,
    boolean tokenIds,
    boolean tokensAsIds) {
  static final int MAX_LOGPROBS = 20;

  /// @param logprobs in the form of the endpoint
  /// @param withPrompt whether they are wanted of the prompt too
  static Reporting of(JsonFields fields, ServedModel model, int logprobs, boolean withPrompt) {
    boolean bare = model.tokenizer() == null;
    return new Reporting(
        logprobs,
        Math.max(
            fields.integer("prompt_logprobs", -1, 0, MAX_LOGPROBS), withPrompt ? logprobs : -1),
        fields.has("prompt_logprobs"),
        fields.flag("return_token_ids", bare),
        fields.flag("return_tokens_as_token_ids", bare));
  }
}
