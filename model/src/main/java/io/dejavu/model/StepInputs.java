package io.dejavu.model;

import io.dejavu.tensor.Buffer;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.Device;
import io.dejavu.tensor.RaggedBatch;
import io.dejavu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/// A step's integers on the device: token ids, positions, block tables and which rows give logits.
/// Written into one array and uploaded by one call; its memory is kept and grows when it must.
///
/// The rows that give something ("outputs") are ordered: those that draw a token and report
/// logprobs, those that only draw, those with a target, those that come back themselves. So each
/// kernel has its rows side by side.
public final class StepInputs implements AutoCloseable {
  /// Each tensor starts at a multiple of 64 bytes.
  private static final int ALIGNED_INTS = 16;

  private final Device device;
  private final Sizes sizes;
  private final StepLimits limits;
  private final int blockTokens;
  private int[] staging = new int[1024];
  private int used;
  private Buffer memory;

  private Step step = new Step(List.of());
  private Outputs outputs = new Outputs(new int[0], new int[0], new int[0], 0, 0, 0);

  /// @param blockTokens S
  public StepInputs(Device device, Sizes sizes, StepLimits limits, int blockTokens) {
    this.device = device;
    this.sizes = sizes;
    this.limits = limits;
    this.blockTokens = blockTokens;
    this.memory = device.allocate(4L * staging.length);
  }

  /// The rows that give something.
  ///
  /// @param rows which of the step's rows, R
  /// @param parts the part of each
  /// @param targets of the rows with a target, which follow those that draw
  /// @param ranked how many rows draw and report logprobs; they are the first
  /// @param drawn how many rows draw
  /// @param hidden how many rows come back themselves; they are the last
  record Outputs(int[] rows, int[] parts, int[] targets, int ranked, int drawn, int hidden) {
    int count() {
      return rows.length;
    }

    /// Whether they are all of the step's rows in order.
    boolean areAll(int tokens) {
      if (rows.length != tokens) {
        return false;
      }
      for (int i = 0; i < rows.length; i++) {
        if (rows[i] != i) {
          return false;
        }
      }
      return true;
    }
  }

  /// Tensors of one step.
  ///
  /// @param ids i32 [1, T]
  /// @param batch who owns which row
  /// @param outputs i32 [1, R], rows that give something
  /// @param outputsAreAll whether those are all rows, in order
  /// @param targets i32 [1, number of targets]
  /// @param hidden i32 [1, number of rows that come back], which of the outputs they are
  public record Tensors(
      Tensor ids,
      RaggedBatch batch,
      Tensor outputs,
      boolean outputsAreAll,
      Tensor targets,
      Tensor hidden) {}

  /// Checks a step and uploads it.
  ///
  /// @throws IllegalArgumentException if it exceeds the limits or names what does not exist
  public Tensors upload(Step step) {
    check(step);
    this.step = step;
    this.outputs = outputsOf(step);
    var parts = step.parts();
    var tokens = step.tokens();
    var blocks = blocks(parts.stream().mapToInt(Step.Part::context).max().orElse(0));

    used = 0;
    var ids = reserve(tokens);
    var positions = reserve(tokens);
    var slots = reserve(tokens);
    var starts = reserve(parts.size() + 1);
    var contexts = reserve(parts.size());
    var tables = reserve(parts.size() * blocks);
    var rows = reserve(outputs.count());
    var targets = reserve(outputs.targets.length);
    var hidden = reserve(outputs.hidden);

    var row = 0;
    for (int i = 0; i < parts.size(); i++) {
      var part = parts.get(i);
      var count = part.tokens().length;
      System.arraycopy(part.tokens(), 0, staging, ids + row, count);
      staging[starts + i] = row;
      staging[contexts + i] = part.context();
      var mine = blocks(part.context());
      System.arraycopy(part.blocks(), 0, staging, tables + i * blocks, mine);
      Arrays.fill(staging, tables + i * blocks + mine, tables + (i + 1) * blocks, 0);
      for (int t = 0; t < count; t++, row++) {
        var position = part.start() + t;
        staging[positions + row] = position;
        staging[slots + row] =
            part.blocks()[position / blockTokens] * blockTokens + position % blockTokens;
      }
    }
    staging[starts + parts.size()] = row;
    System.arraycopy(outputs.rows, 0, staging, rows, outputs.count());
    System.arraycopy(outputs.targets, 0, staging, targets, outputs.targets.length);
    for (int i = 0; i < outputs.hidden; i++) {
      staging[hidden + i] = outputs.count() - outputs.hidden + i;
    }

    send();
    return new Tensors(
        ints(ids, 1, tokens),
        new RaggedBatch(
            parts.size(),
            tokens,
            parts.stream().mapToInt(Step.Part::context).max().orElse(0),
            ints(starts, 1, parts.size() + 1),
            ints(contexts, 1, parts.size()),
            ints(tables, parts.size(), blocks),
            ints(positions, 1, tokens),
            ints(slots, 1, tokens)),
        ints(rows, 1, outputs.count()),
        outputs.areAll(tokens),
        ints(targets, 1, outputs.targets.length),
        ints(hidden, 1, outputs.hidden));
  }

  /// The step uploaded last.
  Step step() {
    return step;
  }

  /// The rows that give something in the step uploaded last.
  Outputs outputs() {
    return outputs;
  }

  private void check(Step step) {
    if (step.tokens() < 1 || step.tokens() > limits.tokens()) {
      throw new IllegalArgumentException(
          "a step of %d tokens, must be 1 to %d".formatted(step.tokens(), limits.tokens()));
    }
    for (var part : step.parts()) {
      if (part.context() > sizes.maxPositions()) {
        throw new IllegalArgumentException(
            "%d tokens, the model has %d positions"
                .formatted(part.context(), sizes.maxPositions()));
      }
      if (part.blocks().length < blocks(part.context())) {
        throw new IllegalArgumentException(
            "%d blocks of %d tokens for %d tokens"
                .formatted(part.blocks().length, blockTokens, part.context()));
      }
      if (Math.max(part.logprobs(), part.targetLogprobs()) > limits.logprobs()) {
        throw new IllegalArgumentException(
            "%d logprobs wanted, at most %d"
                .formatted(Math.max(part.logprobs(), part.targetLogprobs()), limits.logprobs()));
      }
      checkIds(part.tokens(), 0);
      checkIds(part.targets(), -1);
    }
  }

  private void checkIds(int[] ids, int least) {
    for (int id : ids) {
      if (id < least || id >= sizes.vocabulary()) {
        throw new IllegalArgumentException(
            "token %d of a vocabulary of %d".formatted(id, sizes.vocabulary()));
      }
    }
  }

  private static Outputs outputsOf(Step step) {
    var rows = new int[step.tokens()];
    var owners = new int[rows.length];
    var targets = new int[rows.length];
    var count = 0;
    var ranked = 0;
    for (var wantsLogprobs : List.of(true, false)) {
      var end = 0;
      for (int i = 0; i < step.parts().size(); i++) {
        var part = step.parts().get(i);
        end += part.tokens().length;
        if (part.draw() != null && (part.logprobs() >= 0) == wantsLogprobs) {
          rows[count] = end - 1;
          owners[count++] = i;
        }
      }
      ranked = wantsLogprobs ? count : ranked;
    }
    var drawn = count;
    var row = 0;
    for (int i = 0; i < step.parts().size(); i++) {
      var part = step.parts().get(i);
      for (int t = 0; t < part.targets().length; t++) {
        if (part.targets()[t] >= 0) {
          targets[count - drawn] = part.targets()[t];
          rows[count] = row + t;
          owners[count++] = i;
        }
      }
      row += part.tokens().length;
    }
    var withLogits = count;
    var end = 0;
    for (int i = 0; i < step.parts().size(); i++) {
      var part = step.parts().get(i);
      end += part.tokens().length;
      for (int t = end - part.hidden(); t < end; t++) {
        rows[count] = t;
        owners[count++] = i;
      }
    }
    return new Outputs(
        Arrays.copyOf(rows, count),
        Arrays.copyOf(owners, count),
        Arrays.copyOf(targets, withLogits - drawn),
        ranked,
        drawn,
        count - withLogits);
  }

  private int blocks(int tokens) {
    return Math.ceilDiv(tokens, blockTokens);
  }

  /// Index of `count` integers in the staging array.
  private int reserve(int count) {
    var at = Math.ceilDiv(used, ALIGNED_INTS) * ALIGNED_INTS;
    used = Math.addExact(at, count);
    if (used > staging.length) {
      staging = Arrays.copyOf(staging, Math.max(used, 2 * staging.length));
    }
    return at;
  }

  private void send() {
    // No step is under way: the previous one was awaited before its results were read.
    if (memory.bytes() < 4L * staging.length) {
      memory.close();
      memory = device.allocate(4L * staging.length);
    }
    device.upload(MemorySegment.ofArray(staging).asSlice(0, 4L * used), memory, 0);
  }

  private Tensor ints(int at, int rows, int columns) {
    return new Tensor(memory, 4L * at, DType.I32, rows, columns, columns);
  }

  @Override
  public void close() {
    memory.close();
  }
}
