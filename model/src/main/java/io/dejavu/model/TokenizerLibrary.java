package io.dejavu.model;

import ai.djl.huggingface.tokenizers.jni.LibUtils;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/// Brings up the native tokenizer library, which comes inside of a jar: it is unpacked once per
/// user (`DJL_CACHE_DIR`, by default `~/.djl.ai`) and nothing is ever fetched from a network.
final class TokenizerLibrary {
  static {
    // Without it a machine with CUDA would make the library look for another build of itself on
    // the network.
    System.setProperty("ai.djl.offline", "true");
  }

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

  private static TokenizersLibrary library(Path file) {
    try {
      LibUtils.checkStatus(); // unpacks and loads it
      return TokenizersLibrary.LIB;
    } catch (RuntimeException | LinkageError e) {
      var reason = e.getCause() == null ? e : e.getCause();
      throw new CheckpointException(
          file,
          "needs a native library that cannot be loaded here (%s); without tokenizer.json the model serves token ids"
              .formatted(reason),
          e);
    }
  }
}
