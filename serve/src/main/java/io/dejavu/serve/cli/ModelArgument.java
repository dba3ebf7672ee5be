package io.dejavu.serve.cli;

import io.dejavu.hub.HubName;
import io.dejavu.model.CheckpointException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Parameters;

/// What people write for MODEL: a directory that exists wins, then a name in `models/`, then a name
/// on the Hugging Face hub.
public final class ModelArgument {
  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "MODEL",
      description =
          "Directory of a checkpoint, or ORG/NAME[@REVISION] on the Hugging Face hub. Default: the"
              + " bundled model.")
  @Nullable String text;

  /// As on the command line; null: the bundled one.
  public @Nullable String text() {
    return text;
  }

  /// The directory of a model, which is fetched if it has to be.
  ///
  /// @param model as on the command line; null: the bundled one
  /// @throws IllegalArgumentException if the options make no sense
  static Path directory(@Nullable String model, HubOptions hub) {
    Path path = Installation.model(model);
    var name = model == null || Files.exists(path) ? null : HubName.parse(model).orElse(null);
    if (name != null) {
      return hub.pull(name);
    }
    if (model != null && !Files.exists(path) && !path.isAbsolute() && !model.startsWith(".")) {
      throw new CheckpointException(
          path,
          "no such directory, and not the name of a model on the Hugging Face hub, which are ORG/NAME or ORG/NAME@REVISION");
    }
    if (hub.revision != null) {
      throw new IllegalArgumentException(
          "--revision is for models of the hub; %s is a directory".formatted(path));
    }
    return path;
  }
}
