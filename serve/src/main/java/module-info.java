import org.jspecify.annotations.NullMarked;

/// Wiring, threads, processes and the command line. The only module that knows all the others.
@NullMarked
module io.dejavu.serve {
  requires static transitive org.jspecify;
  requires io.dejavu.api;
  requires io.dejavu.backend.cpu;
  requires io.dejavu.engine;
  requires io.dejavu.kv;
  requires io.dejavu.model;
  requires io.dejavu.tensor;
  requires info.picocli;
  requires me.tongfei.progressbar;
}
