import org.jspecify.annotations.NullMarked;

/// Paged keys and values of sequences, and moving them. Knows no model and no schedule. Start at
/// `KvLayout` (where bytes lie), `KvMemory` (who owns them), `BlockPool` (who may use which, and
/// what they hold), `SwapSpace` (copies on the host), `KeptMemory` (what outlives its process).
/// Moving: `Resharding` (who gets what), `Regions` (what is contiguous), `KvSender` and
/// `KvReceiver` (copy it), `KvFileStreams` (into a file, and back after a restart).
@NullMarked
module io.dejavu.kv {
  requires static transitive org.jspecify;
  requires transitive io.dejavu.tensor;
  requires transitive io.dejavu.transport; // senders take a Connection
  requires jdk.unsupported; // O_DIRECT

  exports io.dejavu.kv;
  exports io.dejavu.kv.disk;
  exports io.dejavu.kv.kept;
  exports io.dejavu.kv.stream;
}
