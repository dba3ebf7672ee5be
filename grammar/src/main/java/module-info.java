import org.jspecify.annotations.NullMarked;

/// What may come next: texts that follow a regular expression or a JSON schema, as masks over a
/// model's tokens. A room of its own because neither the engine, which only asks which tokens are
/// allowed, nor the model, which only computes their probabilities, should know what JSON is. Start
/// at `Grammar`, `TokenGrammar`, `Machine`.
@NullMarked
module io.dejavu.grammar {
  requires static transitive org.jspecify;
  requires transitive io.dejavu.engine; // a compiled grammar is a TokenConstraint
  requires transitive io.dejavu.model; // a vocabulary is a Tokenizer's
  requires transitive tools.jackson.databind; // a schema is a JsonNode

  exports io.dejavu.grammar;
}
