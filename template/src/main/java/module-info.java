import org.jspecify.annotations.NullMarked;

/// Chat templates, rendered as Hugging Face's Python renders them. A room of its own because it is
/// a small language, which knows nothing of models and needs nothing but the JDK. Start at
/// `ChatTemplate`.
@NullMarked
module io.dejavu.template {
  requires static transitive org.jspecify;

  exports io.dejavu.template;
}
