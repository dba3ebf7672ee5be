import org.jspecify.annotations.NullMarked;

/// Checkpoints fetched from the Hugging Face hub, in the hub's own cache, which Python's
/// `huggingface_hub` reads and writes too. A room of its own because it is the only one that speaks
/// to servers of others, and nothing that computes needs it. Start at `Hub`.
@NullMarked
module io.dejavu.hub {
  requires static transitive org.jspecify;
  requires java.net.http;
  requires tools.jackson.databind;

  exports io.dejavu.hub;
}
