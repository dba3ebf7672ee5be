import org.jspecify.annotations.NullMarked;

/// A small process that holds memory for others, starts them, and sees them exit. A room because
/// this process must outlive those that can fail: it loads nothing else, no model, no kernels, no
/// KV cache, no library. Start at `Keeper` (the process), `KeeperClient` (whoever talks to it).
@NullMarked
module io.dejavu.keeper {
  requires static transitive org.jspecify;

  exports io.dejavu.keeper;
}
