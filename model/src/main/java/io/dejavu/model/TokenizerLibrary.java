package io.dejavu.model;

import ai.djl.huggingface.tokenizers.jni.LibUtils;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;

/// Brings up the native tokenizer library, which comes inside of a jar: it is unpacked once per
/// user (`DJL_CACHE_DIR`, by default `~/.djl.ai`; where that cannot be written, once per process
/// into a private temporary directory) and nothing is ever fetched from a network.
final class TokenizerLibrary {
  private static final System.Logger LOG = System.getLogger(TokenizerLibrary.class.getName());

  static {
    // Without it a machine with CUDA would make the library look for another build of itself on
    // the network.
    System.setProperty("ai.djl.offline", "true");
  }

  private static boolean loaded;

  private TokenizerLibrary() {}

  /// A native tokenizer, which neither cuts nor pads.
  static long create(Path file, byte[] json) {
    var library = library(file);
    try {
      long handle = library.createTokenizerFromString(new String(json, StandardCharsets.UTF_8));
      library.disableTruncation(handle);
      library.disablePadding(handle);
      return handle;
    } catch (RuntimeException e) {
      throw new CheckpointException(
          file, "is not a tokenizer that can be used: " + e.getMessage(), e);
    }
  }

  /// Where DJL unpacks its libraries, as it decides that itself.
  private static Path place() {
    var engines = setting("ENGINE_CACHE_DIR");
    var all = engines.isEmpty() ? setting("DJL_CACHE_DIR") : engines;
    return all.isEmpty() ? Path.of(System.getProperty("user.home"), ".djl.ai") : Path.of(all);
  }

  private static String setting(String name) {
    var variable = System.getenv(name);
    return variable == null ? System.getProperty(name, "") : variable;
  }

  /// The directory, or a temporary one if it cannot be written.
  static Path usable(Path directory) throws IOException {
    try {
      if (Files.isWritable(Files.createDirectories(directory))) {
        return directory;
      }
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "cannot make " + directory, e);
    }
    var temporary = Files.createTempDirectory("dejavu-tokenizers-");
    LOG.log(
        System.Logger.Level.WARNING,
        "{0} cannot be written: the tokenizer library is unpacked in {1}; DJL_CACHE_DIR names another directory",
        directory,
        temporary);
    return temporary;
  }

  private static synchronized TokenizersLibrary library(Path file) {
    if (loaded) {
      return TokenizersLibrary.LIB;
    }
    try {
      var usual = place().resolve("tokenizers");
      var place = usable(usual);
      if (place.equals(usual)) {
        LibUtils.checkStatus(); // unpacks and loads it
      } else {
        System.setProperty("ENGINE_CACHE_DIR", place.toString());
        LibUtils.checkStatus();
        delete(place); // what is loaded stays, on systems that allow this
      }
      loaded = true;
      return TokenizersLibrary.LIB;
    } catch (IOException | RuntimeException | LinkageError e) {
      var reason = e.getCause() == null ? e : e.getCause();
      throw new CheckpointException(
          file,
          "needs a native library that cannot be loaded here (%s); DJL_CACHE_DIR names a directory that can be written; without tokenizer.json the model serves token ids"
              .formatted(reason),
          e);
    }
  }

  private static void delete(Path directory) {
    try (var files = Files.walk(directory)) {
      for (var file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "cannot delete " + directory, e);
    }
  }
}
