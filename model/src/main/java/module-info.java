import org.jspecify.annotations.NullMarked;

/// Architectures, weight files, tokenizers and sampling: from a checkpoint on disk to the steps of
/// a model. Start at `Checkpoint`, `Weights`, `Tokenizer`.
@NullMarked
module io.dejavu.model {
  requires static transitive org.jspecify;
  requires transitive io.dejavu.kv;
  requires transitive io.dejavu.tensor;
  requires ai.djl.tokenizers;
  requires tools.jackson.databind;

  exports io.dejavu.model;
}
