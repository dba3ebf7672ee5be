package io.dejavu.serve;

import static java.lang.System.Logger.Level.WARNING;

import io.dejavu.engine.Pooling;
import io.dejavu.local.ModelConfig;
import io.dejavu.model.CheckpointException;
import io.dejavu.model.Config;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// How a checkpoint wants its embeddings made: `1_Pooling/config.json`, which sentence-transformers
/// writes beside the models that are trained for them. Its keys are those of
/// `sentence_transformers.models.Pooling`.
final class CheckpointPooling {
  private static final System.Logger LOG = System.getLogger(CheckpointPooling.class.getName());
  private static final String MEAN = "pooling_mode_mean_tokens";
  private static final String LAST = "pooling_mode_lasttoken";

  /// What else there is; a decoder's rows are of little use with it.
  private static final List<String> OTHERS =
      List.of(
          "pooling_mode_cls_token",
          "pooling_mode_max_tokens",
          "pooling_mode_mean_sqrt_len_tokens",
          "pooling_mode_weightedmean_tokens");

  private CheckpointPooling() {}

  /// The checkpoint's own, or the last token's row where it says nothing or nothing that we have.
  ///
  /// @throws CheckpointException if the file is damaged
  static Pooling of(ModelConfig model) {
    Path file = model.path().resolve("1_Pooling").resolve("config.json");
    if (model.randomWeights() || !Files.isRegularFile(file)) {
      return Pooling.LAST;
    }
    var config = Config.read(file);
    boolean last = config.flag(LAST, false);
    boolean others = OTHERS.stream().anyMatch(key -> config.flag(key, false));
    boolean mean = config.flag(MEAN, !last && !others);
    if (others || mean == last) {
      LOG.log(
          WARNING,
          "{0} asks for a pooling that /v1/embeddings does not have (last and mean, one of them):"
              + " it takes last; --pooling says otherwise",
          file);
      return Pooling.LAST;
    }
    return mean ? Pooling.MEAN : Pooling.LAST;
  }
}
