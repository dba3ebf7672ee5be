package io.dejavu.model;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.StreamSupport;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/// What the reference implementation computed for one prompt (`golden.json` beside the checkpoint,
/// made with Hugging Face transformers in f32).
///
/// @param prompt token ids
/// @param lastLogits [V] after the last prompt token; empty for the bundled model
/// @param lastTop the likeliest tokens and their log probabilities; the bundled model's only
/// @param promptLogprobs of prompt tokens 1, 2, …
/// @param greedy continuation
/// @param margins between the likeliest two logits of each of `greedy`
record Golden(
    int[] prompt,
    float[] lastLogits,
    List<Top> lastTop,
    float[] promptLogprobs,
    int[] greedy,
    float[] margins) {
  record Top(int token, float logprob) {}

  static final Path ROOT = Path.of("src/test/resources/goldens");
  static final Path BUNDLED = Path.of("../models/shakespeare-opt-7m");

  static List<Golden> of(Path checkpoint) throws IOException {
    var json = new ObjectMapper().readTree(Files.readString(checkpoint.resolve("golden.json")));
    return StreamSupport.stream(json.get("cases").spliterator(), false).map(Golden::of).toList();
  }

  private static Golden of(JsonNode node) {
    return new Golden(
        ints(node.get(node.has("ids") ? "ids" : "prompt")),
        node.has("last_logits") ? floats(node.get("last_logits")) : new float[0],
        node.has("last_top5")
            ? StreamSupport.stream(node.get("last_top5").spliterator(), false)
                .map(top -> new Top(top.get(0).intValue(), top.get(1).floatValue()))
                .toList()
            : List.of(),
        floats(node.get("prompt_logprobs")),
        ints(node.get("greedy")),
        floats(node.get("greedy_margins")));
  }

  static int[] ints(JsonNode node) {
    return StreamSupport.stream(node.spliterator(), false).mapToInt(JsonNode::intValue).toArray();
  }

  static float[] floats(JsonNode node) {
    var values = new float[node.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = node.get(i).floatValue();
    }
    return values;
  }

  /// The prompt's next token for each of its rows, none for the last.
  int[] targets() {
    var targets = new int[prompt.length];
    System.arraycopy(prompt, 1, targets, 0, prompt.length - 1);
    targets[prompt.length - 1] = -1;
    return targets;
  }
}
