package io.dejavu.local;

import io.dejavu.model.Precision;
import io.dejavu.model.Weights;

/// Whether a model's weights fit into the memory, known before minutes of packing.
public final class WeightMemory {
  /// Scales are f32, one per group.
  private static final int SCALE_BYTES = 4;

  private WeightMemory() {}

  /// The weights need more memory than there is.
  public static final class TooSmall extends RuntimeException {
    private static final long serialVersionUID = 1;

    public TooSmall(String message) {
      super(message);
    }
  }

  /// At least what the packed matrices take: padding is left out, embedding tables count as
  /// quantised, and an output matrix, which may be the embedding once more, not at all. Nothing for
  /// {@link io.dejavu.model.RandomWeights}, whose shapes are not known before they are asked for.
  static long bytes(Weights weights, Precision precision) {
    long sum = 0;
    for (String name : weights.names()) {
      int[] shape = weights.shape(name);
      if (shape.length == 2 && !name.startsWith("lm_head") && !ModelSource.isBuffer(name)) {
        long values = (long) shape[0] * shape[1];
        var format = precision.matrix(weights.type(name), shape[1]);
        sum += format.weights().bytes(values);
        sum += format.group() > 0 ? values / format.group() * SCALE_BYTES : 0;
      }
    }
    return sum;
  }

  /// @param needed bytes
  /// @param free bytes
  /// @param format as `--weights` says
  /// @throws TooSmall if they clearly do not fit
  static void check(long needed, long free, String format) {
    if (needed > free) {
      throw new TooSmall(
          "the weights take at least %s (--weights %s), %s are free%s"
              .formatted(
                  Figures.bytes(needed),
                  format,
                  Figures.bytes(free),
                  format.startsWith("int4") ? "" : "; --weights int8 or int4 makes them smaller"));
    }
  }
}
