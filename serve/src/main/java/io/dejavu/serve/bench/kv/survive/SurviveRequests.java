package io.dejavu.serve.bench.kv.survive;

import io.dejavu.engine.GenerationRequest;
import io.dejavu.tensor.Sampling;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;

/// What is generated while processes are killed: requests of every kind whose state could be lost.
/// The number of its shape says all about one, so the processes need not tell each other.
///
/// @param vocabulary ids below it are drawn for prompts
/// @param context most tokens of a sequence
record SurviveRequests(int vocabulary, int context) {
  /// How many shapes there are.
  static final int SHAPES = 8;

  private static final Sampling SEEDED = new Sampling(0.9f, 50, 0.95f, 0, 1, 0, 0, Map.of());
  private static final Sampling PENALISED =
      new Sampling(0.8f, 0, 0.9f, 0.01f, 1.2f, 0.5f, 0.3f, Map.of());

  SurviveRequests {
    if (vocabulary < 16 || context < 64) {
      throw new IllegalArgumentException(
          "a vocabulary of %d and a context of %d tokens".formatted(vocabulary, context));
    }
  }

  /// A request of this shape.
  GenerationRequest of(String id, int shape) {
    return switch (shape) {
      case 0 -> request(id, shape, 40, 300, Sampling.GREEDY);
      case 1 -> request(id, shape, 17, 250, SEEDED);
      case 2 -> request(id, shape, 33, 200, PENALISED);
      case 3 -> request(id, shape, 700, 60, Sampling.GREEDY); // many steps long
      case 4 -> request(id, shape, 110, 150, SEEDED);
      case 5 -> request(id, shape, 125, 150, Sampling.GREEDY); // begins as the one before
      case 6 -> request(id, shape, 600, 80, PENALISED);
      case 7 -> request(id, shape, 1, 220, SEEDED);
      default -> throw new IllegalArgumentException("shape %d".formatted(shape));
    };
  }

  /// Of the longest request, with what is generated.
  int mostTokens() {
    return IntStream.range(0, SHAPES)
        .mapToObj(shape -> of("length", shape))
        .mapToInt(request -> request.prompt().length + request.maxTokens())
        .max()
        .orElseThrow();
  }

  private GenerationRequest request(
      String id, int shape, int prompt, int tokens, Sampling sampling) {
    // As much as the context leaves, of small models.
    int promptTokens = Math.max(1, Math.min(prompt, context * prompt / 1024 + 16));
    int maxTokens = Math.min(tokens, context - promptTokens);
    var ids = new int[Math.min(promptTokens, context - 1)];
    var random = new Random(shape == 5 ? 4 : shape);
    for (int i = 0; i < ids.length; i++) {
      // Shapes 4 and 5 share 96 tokens and go on differently.
      ids[i] = 4 + (random.nextInt(vocabulary - 4) + (i >= 96 ? shape : 0)) % (vocabulary - 4);
    }
    return GenerationRequest.of(id, ids, sampling, 1000L + shape, Math.max(1, maxTokens));
  }
}
