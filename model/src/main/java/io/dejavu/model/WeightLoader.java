package io.dejavu.model;

import io.dejavu.tensor.DType;
import io.dejavu.tensor.Kernels;
import io.dejavu.tensor.MatrixFormat;
import io.dejavu.tensor.MatrixSource;
import io.dejavu.tensor.PackedMatrix;
import io.dejavu.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Reads what one stage needs of a checkpoint and packs it for the kernels. Owns what it has
/// loaded.
final class WeightLoader implements AutoCloseable {
  private final Weights weights;
  private final Architecture model;
  private final Sizes sizes;
  private final ShardSizes shard;
  private final StagePart part;
  private final Kernels kernels;
  private final Precision precision;
  private final LoadProgress progress;
  private final String prefix;
  private final int matrices;
  private final List<Runnable> owned = new ArrayList<>();
  private int packed;

  WeightLoader(
      Weights weights,
      Architecture model,
      StagePart part,
      Kernels kernels,
      Precision precision,
      LoadProgress progress) {
    this.weights = weights;
    this.model = model;
    this.sizes = model.sizes();
    this.part = part;
    this.shard = ShardSizes.of(sizes, part);
    this.kernels = kernels;
    this.precision = precision;
    this.progress = progress;
    this.prefix =
        model.prefixes().stream()
            .filter(candidate -> weights.has(candidate + model.tokens() + ".weight"))
            .findFirst()
            .orElse(model.prefixes().getFirst());
    var isFirst = part.firstLayer() == 0;
    var ownOutput = isLast() && !(isFirst && model.tied());
    this.matrices = 4 * part.layers() + (isFirst ? 1 : 0) + (ownOutput ? 1 : 0);
  }

  ShardSizes shard() {
    return shard;
  }

  private boolean isLast() {
    return part.lastLayer() == sizes.layers();
  }

  /// What the layers' weights are stored as; decides the type of keys and values.
  DType stored() {
    var first = model.qkv().rows(sizes, shard).getFirst().from();
    return weights.type(layerName(part.firstLayer(), first.name()) + ".weight");
  }

  /// The token embedding `[V, embedding]`.
  PackedMatrix tokens() {
    var name = prefix + model.tokens() + ".weight";
    var source = weights.matrix(name, sizes.vocabulary(), sizes.embedding());
    var type = weights.type(name);
    var format = model.tied() ? precision.matrix(type, sizes.embedding()) : precision.table(type);
    return pack(name, source, format);
  }

  /// The output matrix `[V, embedding]`, also where it is the token embedding.
  PackedMatrix output() {
    if (model.tied()) {
      return tokens();
    }
    var name = model.output() + ".weight";
    var source = weights.matrix(name, sizes.vocabulary(), sizes.embedding());
    return pack(name, source, precision.matrix(weights.type(name), sizes.embedding()));
  }

  /// Learned positions `[positions, M]`, from position 0 on.
  PackedMatrix positions(Architecture.PositionTable table) {
    var name = prefix + table.name() + ".weight";
    var end = table.skip() + sizes.maxPositions();
    var rows =
        MatrixViews.rows(
            weights.matrix(name, end, sizes.width()), IntStream.range(table.skip(), end).toArray());
    return own(kernels.pack(rows, precision.table(weights.type(name))));
  }

  /// A matrix outside the layers, as stored.
  LinearWeights projection(String name, int rows, int columns) {
    var full = prefix + name + ".weight";
    var source = weights.matrix(full, rows, columns);
    return new LinearWeights(own(kernels.pack(source, precision.table(weights.type(full)))), null);
  }

  /// A norm of the residual stream outside the layers.
  NormWeights norm(String name) {
    return normOf(prefix + name, model.norm());
  }

  /// A norm of the residual stream in a layer.
  NormWeights norm(int layer, String name) {
    return normOf(layerName(layer, name), model.norm());
  }

  /// A norm's weight in a layer, of the size of a head.
  Tensor headNorm(int layer, String name) {
    return upload(weights.vector(layerName(layer, name) + ".weight", sizes.headSize()));
  }

  private NormWeights normOf(String name, Norm norm) {
    if (!norm.weighted()) {
      return new NormWeights(norm, null, null);
    }
    var weight = upload(weights.vector(name + ".weight", sizes.width()));
    return switch (norm.kind()) {
      case LAYER ->
          new NormWeights(norm, weight, upload(weights.vector(name + ".bias", sizes.width())));
      case RMS -> new NormWeights(norm, weight, null);
    };
  }

  /// This shard's queries, keys and values, `[(H + 2K) D, M]`.
  LinearWeights qkv(int layer) {
    return rows(layer, model.qkv().rows(sizes, shard));
  }

  /// This shard's columns of the matrix after attention, `[M, H D]`.
  LinearWeights attentionOut(int layer) {
    var d = sizes.headSize();
    var first = shard.firstHead() * d;
    return columns(
        layer, model.attentionOut(), sizes.heads() * d, first, first + shard.heads() * d);
  }

  /// This shard's rows of the gate, if there is one, and below them of the up matrix.
  LinearWeights up(int layer) {
    var mine = IntStream.range(shard.firstRow(), shard.firstRow() + shard.rows()).toArray();
    var up = new Qkv.Rows(model.up(), sizes.feedForward(), mine);
    var gate = model.gate();
    return rows(
        layer,
        gate == null ? List.of(up) : List.of(new Qkv.Rows(gate, sizes.feedForward(), mine), up));
  }

  /// This shard's columns of the down matrix, `[M, F]`.
  LinearWeights down(int layer) {
    var first = shard.firstRow();
    return columns(layer, model.down(), sizes.feedForward(), first, first + shard.rows());
  }

  private LinearWeights rows(int layer, List<Qkv.Rows> parts) {
    var whole = new HashMap<String, MatrixSource>(); // fused matrices are read once
    var sources = new ArrayList<MatrixSource>();
    var bias = new ArrayList<float[]>();
    for (var part : parts) {
      var name = layerName(layer, part.from().name());
      var source =
          whole.computeIfAbsent(name, _ -> matrix(name + ".weight", part.rows(), sizes.width()));
      sources.add(MatrixViews.rows(source, part.chosen()));
      bias.add(bias(name, part));
    }
    var hasBias = parts.stream().anyMatch(part -> part.from().bias());
    var name = layerName(layer, parts.getFirst().from().name());
    var type = widest(layer, parts.stream().map(Qkv.Rows::from).toList());
    return new LinearWeights(
        pack(name, MatrixViews.stacked(sources), precision.matrix(type, sizes.width())),
        hasBias ? upload(concatenated(bias)) : null);
  }

  /// Zeros where there is none.
  private float[] bias(String name, Qkv.Rows rows) {
    var chosen = new float[rows.chosen().length];
    if (rows.from().bias()) {
      var whole = weights.vector(name + ".bias", rows.rows());
      for (int i = 0; i < chosen.length; i++) {
        chosen[i] = whole[rows.chosen()[i]];
      }
    }
    return chosen;
  }

  /// The result is a partial one where there are more shards: the first of them adds the bias.
  private LinearWeights columns(int layer, Projection from, int columns, int first, int last) {
    var name = layerName(layer, from.name());
    var whole = matrix(name + ".weight", sizes.width(), columns);
    var format = precision.matrix(widest(layer, List.of(from)), last - first);
    var matrix = pack(name, MatrixViews.columns(whole, first, last), format);
    return new LinearWeights(
        matrix,
        from.bias() && part.shard() == 0
            ? upload(weights.vector(name + ".bias", sizes.width()))
            : null);
  }

  private MatrixSource matrix(String name, int rows, int columns) {
    return model.transposed()
        ? MatrixViews.transposed(weights.matrix(name, columns, rows))
        : weights.matrix(name, rows, columns);
  }

  private DType widest(int layer, List<Projection> from) {
    var types =
        from.stream()
            .map(projection -> weights.type(layerName(layer, projection.name()) + ".weight"))
            .distinct()
            .toList();
    return types.size() == 1 ? types.getFirst() : DType.F32;
  }

  private String layerName(int layer, String name) {
    return prefix + model.layer(layer) + name;
  }

  private PackedMatrix pack(String name, MatrixSource source, MatrixFormat format) {
    var matrix = own(kernels.pack(source, format));
    packed++;
    progress.loaded(name, packed, matrices);
    return matrix;
  }

  private Tensor upload(float[] values) {
    var tensor = kernels.device().floats(values);
    owned.add(tensor.buffer()::close);
    return tensor;
  }

  /// Slopes, frequencies.
  @Nullable Tensor constant(float @Nullable [] values) {
    return values == null ? null : upload(values);
  }

  private PackedMatrix own(PackedMatrix matrix) {
    owned.add(matrix::close);
    return matrix;
  }

  /// Frees what was loaded, last first.
  @Override
  public void close() {
    owned.reversed().forEach(Runnable::run);
    owned.clear();
  }

  private static float[] concatenated(List<float[]> parts) {
    var all = new float[parts.stream().mapToInt(part -> part.length).sum()];
    var at = 0;
    for (var part : parts) {
      System.arraycopy(part, 0, all, at, part.length);
      at += part.length;
    }
    return all;
  }
}
