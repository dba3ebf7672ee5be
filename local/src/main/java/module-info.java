import org.jspecify.annotations.NullMarked;

/// One pipeline in this process: a model, the memory of its keys and values, and the loop that runs
/// them. A room of its own for reuse: what the server runs, an application embeds, without HTTP and
/// without a command line. Start at `LanguageModel`; below it are `LoadedModel` and `StepLoop`.
@NullMarked
module io.dejavu.local {
  requires static transitive org.jspecify;
  requires io.dejavu.backend.cpu;
  requires transitive io.dejavu.engine;
  requires transitive io.dejavu.kv;
  requires transitive io.dejavu.model;
  requires transitive io.dejavu.template; // chats throw its exceptions
  requires transitive io.dejavu.tensor;
  requires java.management;
  requires jdk.management;

  exports io.dejavu.local;
}
