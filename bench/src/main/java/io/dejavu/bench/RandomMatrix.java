package io.dejavu.bench;

import io.dejavu.tensor.DType;
import io.dejavu.tensor.Device;
import io.dejavu.tensor.MatrixSource;
import io.dejavu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;

/// Weights of a seed, evenly distributed between -0.05 and 0.05.
record RandomMatrix(int rows, int columns, long seed) implements MatrixSource {
  @Override
  public void read(int row, float[] target, int offset) {
    var random = new SplittableRandom(seed << 32 | row);
    for (int i = 0; i < columns; i++) {
      target[offset + i] = (random.nextInt() >> 8) * (0.05f / (1 << 23));
    }
  }

  /// Random activations between -1 and 1.
  static Tensor tensor(Device device, int rows, int columns, long seed) {
    var random = new SplittableRandom(seed);
    var values = new float[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = (random.nextInt() >> 8) * (1f / (1 << 23));
    }
    var tensor = device.tensor(DType.F32, rows, columns);
    device.upload(MemorySegment.ofArray(values), tensor.buffer(), 0);
    return tensor;
  }
}
