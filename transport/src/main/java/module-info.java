/// Bytes between processes: frames over memory that two processes share, over sockets, and within
/// one process. A room because it is of use alone, and because each way can be swapped for another.
/// Start at `Connection`.
@org.jspecify.annotations.NullMarked
module io.dejavu.transport {
  requires static transitive org.jspecify;

  exports io.dejavu.transport;
}
