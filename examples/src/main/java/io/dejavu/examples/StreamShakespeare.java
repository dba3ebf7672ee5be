package io.dejavu.examples;

import io.dejavu.local.GenerationOptions;
import io.dejavu.local.LanguageModel;
import java.nio.file.Path;

/// Prints a text while it is generated.
final class StreamShakespeare {
  private StreamShakespeare() {}

  static void main(String[] args) throws InterruptedException {
    var checkpoint = Path.of(args.length > 0 ? args[0] : "models/shakespeare-opt-7m");
    try (var model = LanguageModel.open(checkpoint)) {
      var options = GenerationOptions.DEFAULT.withMaxTokens(60).withSeed(7L);
      var text = model.generate("ROMEO:\n", options, IO::print);
      IO.println();
      IO.println("(%d tokens, ended by %s)".formatted(text.tokens().size(), text.finish()));
    }
  }
}
