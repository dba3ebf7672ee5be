package io.dejavu.tensor;

/// Which rows of a step belong to which sequence, and where each sequence's keys and values are.
/// Prompt chunks and decode rows share one batch. The tensors are on the kernels' device.
///
/// Sequence `i` owns rows `[starts[i], starts[i + 1])`; they are its newest tokens, the last of
/// them at position `contexts[i] - 1`. Position `p` of it lies in slot `p % S` of block `tables[i,
/// p / S]`.
///
/// @param sequences number of sequences
/// @param rows T, all rows of the step
/// @param maxContext the largest of `contexts`
/// @param starts i32 `[1, sequences + 1]`
/// @param contexts i32 `[1, sequences]`, tokens of the sequence including this step's
/// @param tables i32 `[sequences, most blocks of a sequence]`
/// @param positions i32 `[1, T]`, position of each row in its sequence
/// @param slots i32 `[1, T]`, `block * S + slot` where each row's key and value go
public record RaggedBatch(
    int sequences,
    int rows,
    int maxContext,
    Tensor starts,
    Tensor contexts,
    Tensor tables,
    Tensor positions,
    Tensor slots) {
  public RaggedBatch {
    starts.require("starts", DType.I32, 1, sequences + 1);
    contexts.require("contexts", DType.I32, 1, sequences);
    tables.require("tables", DType.I32, sequences, tables.columns());
    positions.require("positions", DType.I32, 1, rows);
    slots.require("slots", DType.I32, 1, rows);
  }
}
