package io.dejavu.local;

import io.dejavu.model.Checkpoint;
import io.dejavu.model.CheckpointException;
import io.dejavu.model.Config;
import io.dejavu.model.GenerationDefaults;
import io.dejavu.model.RandomWeights;
import io.dejavu.model.Tokenizer;
import io.dejavu.model.Weights;
import io.dejavu.tensor.Sampling;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// Where a model comes from: a checkpoint, or the shape of one and random weights.
///
/// @param name of its directory
/// @param checkpoint null: random weights
public record ModelSource(String name, Config config, @Nullable Checkpoint checkpoint) {
  private static final long SEED = 1; // measurements can be repeated

  /// Saved beside the weights and no weights.
  private static final Pattern BUFFERS = Pattern.compile(".*(attn\\.(masked_)?bias|inv_freq)");

  private static final Pattern CACHED =
      Pattern.compile(".*/models--([^/]+)/snapshots/[0-9a-f]{40}");

  /// @throws CheckpointException if there is none
  public static ModelSource of(ModelConfig model) {
    if (!model.randomWeights()) {
      var checkpoint = Checkpoint.of(model.path());
      return new ModelSource(nameOf(checkpoint.directory()), checkpoint.config(), checkpoint);
    }
    Path random = model.path();
    Path file = Files.isDirectory(random) ? random.resolve("config.json") : random;
    if (!Files.isRegularFile(file)) {
      throw new CheckpointException(file, "no such file; --random-weights takes a config.json");
    }
    Path folder = file.toAbsolutePath().getParent();
    String name = folder == null ? "model" : nameOf(folder);
    return new ModelSource("random-" + name, Config.read(file), null);
  }

  public Weights openWeights() {
    return checkpoint == null ? RandomWeights.of(config, SEED) : checkpoint.openWeights();
  }

  /// Null if there is none.
  public @Nullable Tokenizer openTokenizer() {
    return checkpoint == null || !checkpoint.hasTokenizer() ? null : checkpoint.openTokenizer();
  }

  /// Ids that end a text.
  public List<Integer> endTokens(@Nullable Tokenizer tokenizer) {
    return checkpoint == null ? config.tokenIds("eos_token_id") : checkpoint.endTokens(tokenizer);
  }

  /// Where a request says nothing: OpenAI's defaults, overlaid with what the checkpoint's
  /// `generation_config.json` names, as vLLM does.
  public Sampling sampling() {
    if (checkpoint == null) {
      return new Sampling(1, 0, 1, 0, 1, 0, 0, Map.of());
    }
    GenerationDefaults suggested = checkpoint.generation();
    try {
      return new Sampling(
          or(suggested.temperature(), 1),
          Math.max(0, suggested.topK() == null ? 0 : suggested.topK()),
          or(suggested.topP(), 1),
          or(suggested.minP(), 0),
          or(suggested.repetitionPenalty(), 1),
          0,
          0,
          Map.of());
    } catch (IllegalArgumentException e) {
      throw new CheckpointException(
          checkpoint.directory().resolve("generation_config.json"),
          String.valueOf(e.getMessage()),
          e);
    }
  }

  /// Number of weights, once all were read.
  static long parameters(Weights weights) {
    long sum = 0;
    for (String name : weights.names()) {
      if (!isBuffer(name)) {
        long product = 1;
        for (int size : weights.shape(name)) {
          product *= size;
        }
        sum += product;
      }
    }
    return sum;
  }

  static boolean isBuffer(String name) {
    return BUFFERS.matcher(name).matches();
  }

  private static float or(@Nullable Double value, float otherwise) {
    return value == null ? otherwise : value.floatValue();
  }

  /// `ORG/NAME` in the cache of the Hugging Face hub, `…/models--ORG--NAME/snapshots/COMMIT`.
  private static String nameOf(Path directory) {
    Path path = directory.toAbsolutePath().normalize();
    Path name = path.getFileName();
    var cached = CACHED.matcher(path.toString().replace('\\', '/'));
    if (cached.matches()) {
      return cached.group(1).replaceFirst("--", "/");
    }
    return name == null ? "model" : name.toString();
  }
}
