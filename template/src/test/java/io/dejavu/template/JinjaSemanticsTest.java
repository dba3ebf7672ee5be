package io.dejavu.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.Map;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import tools.jackson.databind.JsonNode;

/// Small templates, one rule of Jinja2 each; `src/test/python/jinja2_semantics.py` recorded what
/// Jinja2 makes of them.
final class JinjaSemanticsTest {
  private static final ZonedDateTime NOW = ZonedDateTime.of(2024, 7, 6, 9, 5, 3, 0, ZoneOffset.UTC);

  @TestFactory
  Stream<DynamicTest> meansWhatJinjaMeans() throws IOException {
    var golden = Goldens.read("/jinja2-semantics.json");
    var variables = Goldens.variables(golden.get("variables"));
    return StreamSupport.stream(golden.get("cases").spliterator(), false)
        .map(
            one ->
                DynamicTest.dynamicTest(
                    one.get("template").toString(), () -> check(one, variables)));
  }

  /// Errors are of the same kind; their words may differ.
  private static void check(JsonNode one, Map<String, Object> variables) {
    String source = one.get("template").asString();
    if (one.has("rendered")) {
      assertThat(render(source, variables)).isEqualTo(one.get("rendered").asString());
      return;
    }
    var error = catchThrowableOfType(TemplateException.class, () -> render(source, variables));
    assertThat(error).as(one.get("error").asString()).isNotNull();
    assertThat(error.kind()).isEqualTo(one.get("error").asString().split(":", 2)[0]);
  }

  private static String render(String source, Map<String, Object> variables) {
    return ChatTemplate.parse(source, "test", TemplateLimits.DEFAULT, () -> NOW).render(variables);
  }
}
