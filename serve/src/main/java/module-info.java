import org.jspecify.annotations.NullMarked;

/// Wiring, threads, processes and the command line. The only module that knows all the others. An
/// application that generates without HTTP starts at `StepLoop`.
@NullMarked
module io.dejavu.serve {
  requires static transitive org.jspecify;
  requires io.dejavu.api;
  requires io.dejavu.backend.cpu;
  requires transitive io.dejavu.engine;
  requires transitive io.dejavu.kv;
  requires transitive io.dejavu.model;
  requires transitive io.dejavu.tensor;
  requires info.picocli;
  requires jdk.management;
  requires me.tongfei.progressbar;

  exports io.dejavu.serve;
}
