package io.dejavu.serve.cli;

import io.dejavu.model.CheckpointException;
import java.lang.module.ModuleDescriptor;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// Which version of this software runs and where it lies, with the bundled models.
public final class Installation {
  static final String BUNDLED = "shakespeare-opt-7m";

  private Installation() {}

  /// Of the module, as built.
  public static String version() {
    ModuleDescriptor descriptor = Installation.class.getModule().getDescriptor();
    return descriptor == null ? "development" : descriptor.rawVersion().orElse("development");
  }

  /// The directory of a model.
  ///
  /// @param model a directory, or the name of one in `models/`; null: the bundled one
  public static Path model(@Nullable String model) {
    Path home = home();
    if (model == null) {
      if (home == null) {
        throw new CheckpointException(
            Path.of("models", BUNDLED), "the bundled model is not installed; name another one");
      }
      return home.resolve("models").resolve(BUNDLED);
    }
    Path path = Path.of(model);
    if (!Files.exists(path) && home != null && !path.isAbsolute()) {
      Path bundled = home.resolve("models").resolve(path);
      if (Files.isDirectory(bundled)) {
        return bundled;
      }
    }
    return path;
  }

  /// What `dejavu.home` says, else the closest folder above our code that has `models/`.
  private static @Nullable Path home() {
    String property = System.getProperty("dejavu.home");
    if (property != null) {
      return Path.of(property);
    }
    var source = Installation.class.getProtectionDomain().getCodeSource();
    if (source == null || source.getLocation() == null) {
      return null;
    }
    try {
      Path folder = Path.of(source.getLocation().toURI());
      while (folder != null && !Files.isDirectory(folder.resolve("models").resolve(BUNDLED))) {
        folder = folder.getParent();
      }
      return folder;
    } catch (URISyntaxException e) {
      throw new IllegalStateException("odd code location " + source.getLocation(), e);
    }
  }
}
