package io.dejavu.model;

import io.dejavu.tensor.DType;
import io.dejavu.tensor.MatrixSource;
import java.util.Arrays;
import java.util.Collections;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;

/// Weights that nobody trained, for measurements: of every name and shape that is asked for, the
/// same ones for the same seed. An element depends on nothing but the seed, the tensor's name and
/// its place, so that several processes make the same model without talking.
///
/// Matrices are uniform with standard deviation `1/√columns`, which keeps activations near 1
/// through any number of layers; biases within ±0.02; other vectors (norms) are 1.
public final class RandomWeights implements Weights {
  private static final float BIAS = 0.02f;

  private final long seed;
  private final DType type;
  private final Predicate<String> exists;
  private final Map<String, int[]> shapes = new ConcurrentHashMap<>();

  /// @param type what elements are rounded to: `F32`, `F16` or `BF16`
  /// @param exists what {@link #has} answers
  public RandomWeights(long seed, DType type, Predicate<String> exists) {
    if (type != DType.F32 && type != DType.F16 && type != DType.BF16) {
      throw new IllegalArgumentException("random weights of " + type);
    }
    this.seed = seed;
    this.type = type;
    this.exists = exists;
  }

  /// For the model that `config` describes, in the type that it names (f32 if none). Every tensor
  /// exists, except the output head of a model whose embeddings are tied.
  public static RandomWeights of(Config config, long seed) {
    var type = config.dtype();
    boolean tied = config.flag("tie_word_embeddings", false);
    return new RandomWeights(
        seed,
        type == null ? DType.F32 : type,
        name -> !(tied && (name.equals("lm_head.weight") || name.equals("embed_out.weight"))));
  }

  @Override
  public boolean has(String name) {
    return exists.test(name);
  }

  @Override
  public Set<String> names() {
    return Collections.unmodifiableSet(shapes.keySet());
  }

  @Override
  public int[] shape(String name) {
    var shape = shapes.get(name);
    if (shape == null) {
      throw new IllegalStateException("nobody has asked for tensor \"%s\" yet".formatted(name));
    }
    return shape.clone();
  }

  @Override
  public DType type(String name) {
    return type;
  }

  @Override
  public MatrixSource matrix(String name, int rows, int columns) {
    if (rows < 0 || columns < 0) {
      throw new IllegalArgumentException("matrix [%d, %d]".formatted(rows, columns));
    }
    shapes.put(name, new int[] {rows, columns});
    // The standard deviation of a uniform variable in [-a, a] is a/√3.
    return new Matrix(key(name), rows, columns, (float) Math.sqrt(3.0 / Math.max(columns, 1)));
  }

  @Override
  public float[] vector(String name, int size) {
    shapes.put(name, new int[] {size});
    var vector = new float[size];
    if (name.endsWith("bias")) {
      new Matrix(key(name), 1, size, BIAS).read(0, vector, 0);
    } else {
      Arrays.fill(vector, 1);
    }
    return vector;
  }

  @Override
  public void close() {}

  private long key(String name) {
    long key = mix(seed);
    for (int i = 0; i < name.length(); i++) {
      key = mix(key ^ name.charAt(i));
    }
    return key;
  }

  private final class Matrix implements MatrixSource {
    private final long key;
    private final int rows;
    private final int columns;
    private final float bound;

    Matrix(long key, int rows, int columns, float bound) {
      this.key = key;
      this.rows = rows;
      this.columns = columns;
      this.bound = bound;
    }

    @Override
    public int rows() {
      return rows;
    }

    @Override
    public int columns() {
      return columns;
    }

    @Override
    public void read(int row, float[] target, int offset) {
      Objects.checkIndex(row, rows);
      uniform(mix(key + row), bound, target, offset, columns);
      switch (type) {
        case BF16 -> roundToBf16(target, offset, columns);
        case F16 -> roundToF16(target, offset, columns);
        case F32, I32, I8, I4 -> {}
      }
    }
  }

  /// Element i is a hash of `row` and i: simple enough that the compiler makes vectors of it.
  /// Source of the constants: Chris Wellons, "Prospecting for hash functions" (lowbias32).
  private static void uniform(long row, float bound, float[] target, int offset, int n) {
    float scale = bound * 0x1p-31f;
    int start = (int) row;
    int other = (int) (row >>> 32); // so that two rows with starts close together share nothing
    for (int i = 0; i < n; i++) {
      int x = start + i;
      x = (x ^ (x >>> 16)) * 0x21f0aaad;
      x = (x ^ (x >>> 15) ^ other) * 0x735a2d97;
      target[offset + i] = (x ^ (x >>> 15)) * scale;
    }
  }

  // Cutting instead of rounding: the distribution is as good, and the values are bf16 all the same.
  private static void roundToBf16(float[] values, int from, int n) {
    for (int i = from; i < from + n; i++) {
      values[i] = Float.intBitsToFloat(Float.floatToRawIntBits(values[i]) & 0xffff_0000);
    }
  }

  private static void roundToF16(float[] values, int from, int n) {
    for (int i = from; i < from + n; i++) {
      values[i] = Float.float16ToFloat(Float.floatToFloat16(values[i]));
    }
  }

  /// SplitMix64's finaliser.
  private static long mix(long z) {
    z += 0x9e3779b97f4a7c15L;
    z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
    return z ^ (z >>> 31);
  }
}
