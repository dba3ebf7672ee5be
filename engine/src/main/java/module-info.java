/// One pipeline's decisions: admission, batching, steps, preemption. Decides and performs nothing:
/// no threads, clocks or sockets here. Start at `Engine` (what others see) and `StepPlanner` (what
/// decides).
@org.jspecify.annotations.NullMarked
module io.dejavu.engine {
  requires static transitive org.jspecify;
  requires transitive io.dejavu.kv;
  requires transitive io.dejavu.tensor;

  exports io.dejavu.engine;
}
