package io.dejavu.examples;

import io.dejavu.local.GeneratedText;
import io.dejavu.local.GenerationOptions;
import io.dejavu.local.LanguageModel;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.stream.LongStream;

/// Calls the model from many threads at once: their texts are computed together, step by step.
final class ManyAtOnce {
  private static final int TEXTS = 16;

  private ManyAtOnce() {}

  static void main(String[] args) throws InterruptedException, ExecutionException {
    var checkpoint = Path.of(args.length > 0 ? args[0] : "models/shakespeare-opt-7m");
    try (var model = LanguageModel.open(checkpoint);
        var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var options = GenerationOptions.DEFAULT.withMaxTokens(40);
      List<Callable<GeneratedText>> calls =
          LongStream.range(0, TEXTS)
              .mapToObj(seed -> options.withSeed(seed))
              .<Callable<GeneratedText>>map(each -> () -> model.generate("JULIET:\n", each))
              .toList();
      int tokens = 0;
      for (var call : threads.invokeAll(calls)) {
        IO.println(call.get().text().lines().findFirst().orElse(""));
        tokens += call.get().tokens().size();
      }
      IO.println("(%d tokens in %d steps)".formatted(tokens, model.engine().status().steps()));
    }
  }
}
