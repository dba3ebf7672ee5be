package io.dejavu.model;

import io.dejavu.tensor.Buffer;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.Kernels;
import io.dejavu.tensor.Logprobs;
import io.dejavu.tensor.PackedMatrix;
import io.dejavu.tensor.SampleRow;
import io.dejavu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// From the last layer's rows to tokens, logprobs, or the rows themselves. Logits are computed for
/// some rows at a time, so that the logprobs of a long prompt need no more memory than those of a
/// short one; only what was asked for comes back to the host, by one download per step.
final class Readout implements AutoCloseable {
  private final Kernels kernels;
  private final @Nullable NormWeights norm;
  private final @Nullable LinearWeights projectOut;
  private final LinearWeights output;
  private final int logitRows;
  private final Tensor normed; // [logitRows, M]
  private final Tensor projected; // [logitRows, embedding]
  private final Tensor logits; // [logitRows, V]
  private final Buffer results;
  private final int embedding;

  private Readout(
      Kernels kernels,
      Sizes sizes,
      @Nullable NormWeights norm,
      @Nullable LinearWeights projectOut,
      LinearWeights output,
      StepLimits limits) {
    var device = kernels.device();
    this.kernels = kernels;
    this.norm = norm;
    this.projectOut = projectOut;
    this.output = output;
    this.logitRows = limits.logitRows(sizes.vocabulary());
    this.normed = device.tensor(DType.F32, logitRows, sizes.width());
    this.projected =
        device.tensor(DType.F32, logitRows, projectOut == null ? 0 : sizes.embedding());
    this.logits = device.tensor(DType.F32, logitRows, sizes.vocabulary());
    this.results =
        device.allocate(
            4L * limits.tokens() * (3 + 2 * limits.logprobs() + (long) sizes.embedding()) + 4);
    this.embedding = sizes.embedding();
  }

  /// @param shared the token embedding, if it is the output matrix and loaded already
  static Readout load(
      Kernels kernels,
      Architecture model,
      WeightLoader weights,
      @Nullable PackedMatrix shared,
      StepLimits limits) {
    var sizes = model.sizes();
    var norm = model.finalNorm();
    var projectOut = model.projectOut();
    return new Readout(
        kernels,
        sizes,
        norm == null ? null : weights.norm(norm),
        projectOut == null
            ? null
            : weights.projection(projectOut, sizes.embedding(), sizes.width()),
        new LinearWeights(shared == null ? weights.output() : shared, null),
        limits);
  }

  /// Where the results of a step lie in `results`: a bump pointer, so that one download takes all.
  private final class Layout {
    private int used;

    Tensor take(DType type, int rows, int columns) {
      var tensor = new Tensor(results, 4L * used, type, rows, columns, columns);
      used += rows * columns;
      return tensor;
    }

    Logprobs logprobs(int rows, int top) {
      return new Logprobs(
          take(DType.F32, 1, rows),
          take(DType.I32, 1, rows),
          take(DType.I32, rows, top),
          take(DType.F32, rows, top));
    }
  }

  /// @param hidden [R, M]
  StepResult read(StepInputs inputs, StepInputs.Tensors step, Tensor hidden) {
    var rows = inputs.outputs();
    var parts = inputs.step().parts();
    var layout = new Layout();
    var returned = layout.take(DType.F32, rows.hidden(), embedding); // first, so that it is aligned
    var drawn = layout.take(DType.I32, 1, rows.drawn());
    var top = parts.stream().mapToInt(Step.Part::logprobs).reduce(0, Math::max); // none is -1
    var ranked = layout.logprobs(rows.ranked(), top);
    var targetTop = parts.stream().mapToInt(Step.Part::targetLogprobs).reduce(0, Math::max);
    var targets = layout.logprobs(rows.targets().length, targetTop);

    for (int from = 0; from < rows.drawn(); from += logitRows) {
      var to = Math.min(from + logitRows, rows.drawn());
      var logits = logits(hidden.rows(from, to));
      var sampled = drawn.columns(from, to);
      kernels.sample(logits, sampleRows(inputs, from, to), sampled);
      if (from < rows.ranked()) {
        var end = Math.min(to, rows.ranked());
        kernels.logprobs(
            logits.rows(0, end - from), sampled.columns(0, end - from), slice(ranked, from, end));
      }
    }
    for (int from = 0; from < rows.targets().length; from += logitRows) {
      var to = Math.min(from + logitRows, rows.targets().length);
      var logits = logits(hidden.rows(rows.drawn() + from, rows.drawn() + to));
      kernels.logprobs(logits, step.targets().columns(from, to), slice(targets, from, to));
    }

    takeHidden(hidden, step, rows.count() - rows.hidden(), returned);

    // At least one word, so that the step is awaited even if nobody wants its results.
    var words = new int[Math.max(1, layout.used)];
    kernels.device().download(results, 0, MemorySegment.ofArray(words));
    return new Words(words).result(inputs, drawn, ranked, targets, returned);
  }

  /// The rows from `first` on, as the output matrix would get them.
  private void takeHidden(Tensor hidden, StepInputs.Tensors step, int first, Tensor out) {
    if (norm == null && projectOut == null) {
      kernels.select(hidden, step.hidden(), out);
      return;
    }
    for (int from = 0; from < out.rows(); from += logitRows) {
      var to = Math.min(from + logitRows, out.rows());
      var in = hidden.rows(first + from, first + to);
      var last = out.rows(from, to);
      if (norm != null) {
        var normedRows = projectOut == null ? last : normed.rows(0, to - from);
        norm.apply(kernels, in, normedRows);
        in = normedRows;
      }
      if (projectOut != null) {
        projectOut.apply(kernels, in, last);
      }
    }
  }

  /// @param hidden at most as many rows as are computed at once
  Tensor logits(Tensor hidden) {
    var count = hidden.rows();
    var in = hidden;
    if (norm != null) {
      norm.apply(kernels, in, normed.rows(0, count));
      in = normed.rows(0, count);
    }
    if (projectOut != null) {
      projectOut.apply(kernels, in, projected.rows(0, count));
      in = projected.rows(0, count);
    }
    output.apply(kernels, in, logits.rows(0, count));
    return logits.rows(0, count);
  }

  private static SampleRow[] sampleRows(StepInputs inputs, int from, int to) {
    var draws = new SampleRow[to - from];
    for (int i = from; i < to; i++) {
      var part = inputs.step().parts().get(inputs.outputs().parts()[i]);
      draws[i - from] = Objects.requireNonNull(part.draw());
    }
    return draws;
  }

  private static Logprobs slice(Logprobs all, int from, int to) {
    return new Logprobs(
        all.chosen().columns(from, to),
        all.ranks().columns(from, to),
        all.topIds().rows(from, to),
        all.topValues().rows(from, to));
  }

  /// What came back.
  private record Words(int[] words) {
    StepResult result(
        StepInputs inputs, Tensor drawn, Logprobs ranked, Logprobs targets, Tensor returned) {
      var rows = inputs.outputs();
      var parts = inputs.step().parts();
      var tokens = new int[parts.size()];
      Arrays.fill(tokens, -1);
      var own = new StepResult.@Nullable Ranked[parts.size()];
      var others = new ArrayList<List<StepResult.Ranked>>();
      parts.forEach(_ -> others.add(new ArrayList<>()));
      for (int i = 0; i < rows.count() - rows.hidden(); i++) {
        var owner = rows.parts()[i];
        if (i < rows.drawn()) {
          tokens[owner] = words[at(drawn) + i];
          if (i < rows.ranked()) {
            own[owner] = ranked(ranked, i, parts.get(owner).logprobs());
          }
        } else {
          var count = parts.get(owner).targetLogprobs();
          others.get(owner).add(ranked(targets, i - rows.drawn(), count));
        }
      }
      var results = new ArrayList<StepResult.Part>();
      var at = at(returned);
      for (int i = 0; i < tokens.length; i++) {
        var hidden = floats(at, parts.get(i).hidden() * returned.columns());
        at += hidden.length;
        results.add(new StepResult.Part(tokens[i], own[i], List.copyOf(others.get(i)), hidden));
      }
      return new StepResult(results);
    }

    private float[] floats(int at, int count) {
      var floats = new float[count];
      for (int i = 0; i < count; i++) {
        floats[i] = Float.intBitsToFloat(words[at + i]);
      }
      return floats;
    }

    private StepResult.Ranked ranked(Logprobs from, int row, int count) {
      var width = from.topIds().columns();
      var ids = new int[Math.min(count, width)];
      var values = new float[ids.length];
      for (int i = 0; i < ids.length; i++) {
        ids[i] = words[at(from.topIds()) + row * width + i];
        values[i] = Float.intBitsToFloat(words[at(from.topValues()) + row * width + i]);
      }
      return new StepResult.Ranked(
          Float.intBitsToFloat(words[at(from.chosen()) + row]),
          words[at(from.ranks()) + row],
          ids,
          values);
    }

    private static int at(Tensor tensor) {
      return Math.toIntExact(tensor.offset() / 4);
    }
  }

  @Override
  public void close() {
    normed.buffer().close();
    projected.buffer().close();
    logits.buffer().close();
    results.close();
  }
}
