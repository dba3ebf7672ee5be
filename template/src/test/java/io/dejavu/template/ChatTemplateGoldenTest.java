package io.dejavu.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import tools.jackson.databind.JsonNode;

/// Templates of well-known models, against what Jinja2 rendered, set up as `apply_chat_template`
/// does it.
final class ChatTemplateGoldenTest {
  private static final List<String> MODELS =
      List.of(
          "NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use",
          "Qwen-Qwen2.5-7B-Instruct",
          "deepseek-ai-DeepSeek-R1-Distill-Llama-8B",
          "google-gemma-2-2b-it",
          "meta-llama-Llama-3.1-8B-Instruct",
          "microsoft-Phi-3.5-mini-instruct",
          "mistralai-Mistral-Nemo-Instruct-2407");

  @TestFactory
  Stream<DynamicTest> rendersAsJinjaDoes() {
    return MODELS.stream().flatMap(ChatTemplateGoldenTest::cases);
  }

  private static Stream<DynamicTest> cases(String model) {
    JsonNode golden;
    try {
      golden = Goldens.read("/chat-templates/" + model + ".json");
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
    var template = ChatTemplate.parse(golden.get("template").asString(), model);
    return StreamSupport.stream(golden.get("cases").spliterator(), false)
        .map(
            one ->
                DynamicTest.dynamicTest(
                    "%s, %s, generation prompt: %s"
                        .formatted(
                            model, one.get("name").asString(), one.get("add_generation_prompt")),
                    () -> check(template, golden, one)));
  }

  private static void check(ChatTemplate template, JsonNode golden, JsonNode one) {
    Map<String, Object> variables = new HashMap<>();
    variables.put("bos_token", golden.get("bos_token").asString());
    variables.put("eos_token", golden.get("eos_token").asString());
    variables.put("messages", Goldens.value(one.get("messages")));
    variables.put("add_generation_prompt", one.get("add_generation_prompt").asBoolean());
    if (one.has("tools")) {
      variables.put("tools", Goldens.value(one.get("tools")));
    }

    if (one.has("rendered")) {
      assertThat(template.render(variables)).isEqualTo(one.get("rendered").asString());
      return;
    }
    var error = catchThrowableOfType(TemplateException.class, () -> template.render(variables));
    assertThat(error.kind() + ": " + error.reason()).isEqualTo(one.get("error").asString());
    assertThat(error instanceof TemplateRefusal).isEqualTo(error.kind().equals("TemplateError"));
  }
}
