package io.dejavu.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/// Configs that none of the goldens has (serial residual, biases, windows of some layers, …)
/// against an independent forward pass; `variants.py` beside the numbers says how they were made.
class VariantTest {
  private static final Path FILE = Path.of("src/test/resources/variants.json");

  record Variant(JsonNode node) {
    @Override
    public String toString() {
      return node.get("base").stringValue() + " with " + node.get("changes");
    }
  }

  static List<Variant> variants() throws IOException {
    var all = new ObjectMapper().readTree(Files.readString(FILE));
    return StreamSupport.stream(all.spliterator(), false).map(Variant::new).toList();
  }

  @ParameterizedTest
  @MethodSource("variants")
  void lastLogitsAreTheReferences(Variant variant) {
    var base = Golden.ROOT.resolve(variant.node.get("base").stringValue());
    var config = Config.parse(variant.node.get("config").toString(), "config.json");
    var prompt = Golden.ints(variant.node.get("prompt"));
    try (var kernels = Backends.cpu();
        var weights = new Completed(Checkpoint.of(base).openWeights());
        var model =
            TestModel.of(weights, Architectures.of(config), kernels, Precision.FLOAT32, 1)) {
      var part =
          Step.Part.draw(prompt, 0, model.blocks(prompt.length), TestModel.greedy(prompt.length));

      var logits = model.logits(new Step(List.of(part)), 1)[0];

      assertThat(logits)
          .containsExactly(Golden.floats(variant.node.get("last_logits")), within(1e-4f));
    }
  }

  /// Biases that the golden's checkpoint lacks are made up.
  private record Completed(Weights whole) implements ForwardingWeights {
    @Override
    public float[] vector(String name, int size) {
      if (whole.has(name)) {
        return whole.vector(name, size);
      }
      var made = new float[size];
      for (int i = 0; i < size; i++) {
        made[i] = (float) (0.3 * Math.sin(i + name.length()));
      }
      return made;
    }

    @Override
    public void close() {
      whole.close();
    }
  }
}
