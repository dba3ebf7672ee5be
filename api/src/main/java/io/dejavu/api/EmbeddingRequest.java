package io.dejavu.api;

import io.dejavu.engine.Pooling;
import java.util.List;
import tools.jackson.databind.node.ObjectNode;

/// A checked request to `/v1/embeddings`.
///
/// @param pooling how a vector is made of each input
/// @param base64 whether vectors are little-endian f32 in base64 instead of lists of numbers
/// @param dimensions so many of the first are kept, and scaled to length 1 again; 0: all
record EmbeddingRequest(List<Prompt> inputs, Pooling pooling, boolean base64, int dimensions) {
  /// As many as OpenAI takes.
  static final int MOST_INPUTS = 2048;

  /// @param otherwise where the request does not say how to pool
  /// @throws HttpError with what the client has to change
  static EmbeddingRequest read(ObjectNode body, CompletionRequest.Limits limits, Pooling otherwise)
      throws InterruptedException {
    var fields = new JsonFields(body);
    String model = fields.text("model");
    if (model != null && !model.equals(limits.model().name())) {
      throw CompletionRequest.unknownModel(model, limits.model());
    }
    return new EmbeddingRequest(
        Prompt.all("input", fields, limits, MOST_INPUTS),
        pooling(fields, otherwise),
        base64(fields),
        fields.integer("dimensions", 0, 1, Integer.MAX_VALUE));
  }

  private static Pooling pooling(JsonFields fields, Pooling otherwise) {
    String name = fields.text("pooling");
    return switch (name) {
      case null -> otherwise;
      case "mean" -> Pooling.MEAN;
      case "last" -> Pooling.LAST;
      default -> throw HttpError.invalid("pooling", "pooling is \"mean\" or \"last\"");
    };
  }

  private static boolean base64(JsonFields fields) {
    String format = fields.text("encoding_format");
    return switch (format) {
      case null -> false;
      case "float" -> false;
      case "base64" -> true;
      default ->
          throw HttpError.invalid("encoding_format", "encoding_format is \"float\" or \"base64\"");
    };
  }

  /// What the client gets of a vector.
  ///
  /// @throws HttpError if it has fewer dimensions than were asked for
  float[] cut(float[] vector) {
    if (dimensions == 0 || dimensions == vector.length) {
      return vector;
    }
    if (dimensions > vector.length) {
      throw HttpError.invalid(
          "dimensions", "dimensions is %d, the model has %d".formatted(dimensions, vector.length));
    }
    double squares = 0;
    for (int i = 0; i < dimensions; i++) {
      squares += (double) vector[i] * vector[i];
    }
    double length = squares == 0 ? 1 : Math.sqrt(squares);
    var cut = new float[dimensions];
    for (int i = 0; i < dimensions; i++) {
      cut[i] = (float) (vector[i] / length);
    }
    return cut;
  }

  int promptTokens() {
    return inputs.stream().mapToInt(input -> input.ids().length).sum();
  }
}
