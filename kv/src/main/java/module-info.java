import org.jspecify.annotations.NullMarked;

/// Paged keys and values of sequences, and moving them. Knows no model and no schedule.
@NullMarked
module io.dejavu.kv {
  requires static transitive org.jspecify;
  requires transitive io.dejavu.tensor;
}
