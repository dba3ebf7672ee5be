import org.jspecify.annotations.NullMarked;

/// Kernels for CPUs: the Vector API, and machine code written from Java where it has no
/// instruction. The only module that requires the incubator.
@NullMarked
module io.dejavu.backend.cpu {
  requires static transitive org.jspecify;
  requires transitive io.dejavu.tensor;
  requires jdk.incubator.vector;

  exports io.dejavu.backend.cpu;
}
