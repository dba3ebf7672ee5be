package io.dejavu.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Templates that want too much are stopped, and say where.
final class TemplateLimitsTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "{{ 'a' * 10**9 }}",
        "{{ [1] * 10**9 }}",
        "{{ 2 ** 100000000 }}",
        "{{ '%999999999d' % 1 }}",
        "{{ '{:999999999}'.format(1) }}",
        "{{ 'a'.ljust(10**10) }}",
        "{{ 'a'|indent(10**9) }}",
        "{{ [1]|batch(10**9, 1)|list }}",
        "{{ [1]|slice(10**9)|list }}",
        "{{ {'a': 1}|tojson(indent=10**9) }}",
        "{{ 'a\t'.expandtabs(10**9) }}",
        "{{ ('a,' * 4000000).split(',')|length }}",
        "{{ ('abc ' * 1000000)|wordwrap(1)|length }}",
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
        "{% set ns = namespace(s='ab') %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(99) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
        "{% set ns = namespace(n=7) %}{% for i in range(99) %}{% set ns.n = ns.n * ns.n %}{% endfor %}",
        "{% set a = [1] * 999 %}{% set b = [a] * 999 %}{% set c = [b] * 999 %}{{ c }}",
        "{% set a = [1] * 999 %}{% set b = [a] * 999 %}{% set c = [b] * 999 %}{{ c|tojson }}",
        "{% set a = (1,) * 999 %}{% set b = (a,) * 999 %}{% set c = (b,) * 999 %}{{ {c: 1} }}",
        "{% set a = [1] * 999 %}{% set b = [a] * 999 %}{% set c = [2] * 999 %}{% set d = [a] * 999 %}"
            + "{% for i in range(99) %}{{ b + [c] == (d|map('list')|list) + [c] }}{% endfor %}",
      })
  void aTemplateThatWantsTooMuchIsStopped(String source) {
    var template = ChatTemplate.parse(source, "greedy");

    var error = catchThrowableOfType(TemplateException.class, () -> template.render(Map.of()));

    assertThat(error).isNotNull();
    assertThat(error.kind()).isEqualTo("LimitExceeded");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
        "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}",
        "{% set ns = namespace(x=[]) %}{% for i in range(9999) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}",
      })
  void recursionEnds(String source) {
    var template = ChatTemplate.parse(source, "deep");

    var error = catchThrowableOfType(TemplateException.class, () -> template.render(Map.of()));

    assertThat(error).isNotNull();
    assertThat(error.kind()).isEqualTo("RecursionError");
  }

  @ParameterizedTest
  @ValueSource(strings = {"(", "[", "{1:", "not ", "-", "1 if 1 else ", "1+", "x.", "x|upper|"})
  void anExpressionNestsOnlySoDeep(String piece) {
    assertThatThrownBy(() -> ChatTemplate.parse("{{ " + piece.repeat(50_000) + "1 }}", "deep"))
        .isInstanceOf(TemplateException.class);
  }

  @Test
  void anErrorTellsTemplateLineAndKind() {
    var template = ChatTemplate.parse("{% if true %}\n\n{{ 1 + 'a' }}\n{% endif %}", "broken");

    var error = catchThrowableOfType(TemplateException.class, () -> template.render(Map.of()));

    assertThat(error)
        .hasMessage(
            "broken, line 3: TypeError: unsupported operand type(s) for +: 'int' and 'str'");
    assertThat(error.line()).isEqualTo(3);
  }

  @Test
  void aRefusalIsInTheTemplatesOwnWords() {
    var template = ChatTemplate.parse("\n{{ raise_exception('No system ' ~ role) }}", "picky");

    var refusal =
        catchThrowableOfType(
            TemplateRefusal.class, () -> template.render(Map.of("role", "message")));

    assertThat(refusal.reason()).isEqualTo("No system message");
    assertThat(refusal.line()).isEqualTo(2);
  }

  @Test
  void limitsCanBeSet() {
    var limits = new TemplateLimits(1000, 100, 1000, 5);
    var template = ChatTemplate.parse("{{ text }}{{ text }}", "small", limits, ZonedDateTime::now);

    assertThat(template.render(Map.of("text", "x".repeat(50)))).hasSize(100);
    assertThatThrownBy(() -> template.render(Map.of("text", "x".repeat(51))))
        .isInstanceOf(TemplateException.class)
        .hasMessageContaining("a text longer than 100");
  }

  @Test
  void manyThreadsRenderAtOnce() throws Exception {
    var template =
        ChatTemplate.parse(
            "{% set ns = namespace(n=0) %}{% for i in range(50) %}{% set ns.n = ns.n + k %}"
                + "{% endfor %}{{ ns.n }}",
            "shared");
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var texts = new ArrayList<java.util.concurrent.Future<String>>();
      for (int k = 0; k < 200; k++) {
        var variables = Map.of("k", k);
        texts.add(threads.submit(() -> template.render(variables)));
      }

      for (int k = 0; k < 200; k++) {
        assertThat(texts.get(k).get(60, TimeUnit.SECONDS)).isEqualTo(Integer.toString(50 * k));
      }
    }
  }

  @Test
  void variablesAreAnyPlainJavaValues() {
    var template = ChatTemplate.parse("{{ v }}", "any");
    var value =
        new Object[] {1, 2L, (short) 3, 4.5f, 'c', null, true, List.of("x"), Map.of("k", 1)};

    assertThat(template.render(Map.of("v", value)))
        .isEqualTo("[1, 2, 3, 4.5, 'c', None, True, ['x'], {'k': 1}]");
    assertThatThrownBy(() -> template.render(Map.of("v", new Object())))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
