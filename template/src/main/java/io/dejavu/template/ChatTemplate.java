package io.dejavu.template;

import java.time.ZonedDateTime;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/// A chat template, parsed: renders messages to the text that a model was trained on, as Hugging
/// Face's `apply_chat_template` does it with Jinja2 (an `ImmutableSandboxedEnvironment` with
/// `trim_blocks`, `lstrip_blocks`, loop controls, and its own `tojson`, `raise_exception` and
/// `strftime_now`). Immutable; any number of threads may render at once.
///
/// A template cannot reach anything but its variables, and is stopped when it uses more than its
/// [TemplateLimits].
public final class ChatTemplate {
  private final String name;
  private final List<Statement> body;
  private final TemplateLimits limits;
  private final Supplier<ZonedDateTime> clock;

  private ChatTemplate(
      String name, List<Statement> body, TemplateLimits limits, Supplier<ZonedDateTime> clock) {
    this.name = name;
    this.body = body;
    this.limits = limits;
    this.clock = clock;
  }

  /// Parses a template; the name is for error messages.
  ///
  /// @throws TemplateException if it is not one
  public static ChatTemplate parse(String source, String name) {
    return parse(source, name, TemplateLimits.DEFAULT, ZonedDateTime::now);
  }

  /// As above, with limits, and with a clock for `strftime_now`.
  ///
  /// @throws TemplateException if it is not a template
  public static ChatTemplate parse(
      String source, String name, TemplateLimits limits, Supplier<ZonedDateTime> clock) {
    try {
      return new ChatTemplate(name, TemplateParser.parse(source, name), limits, clock);
    } catch (Raised e) {
      throw new TemplateException(name, 1, e.kind(), e.reason());
    }
  }

  /// Renders the template.
  ///
  /// @param variables null, booleans, numbers, texts, maps, lists and arrays of them
  /// @throws TemplateRefusal if the template calls `raise_exception`
  /// @throws TemplateException if it fails
  /// @throws IllegalArgumentException if a variable is of another type
  public String render(Map<String, ?> variables) {
    var rendering = new Rendering(limits, clock);
    var out = new StringBuilder();
    try {
      var given = new Scope(Globals.SCOPE);
      variables.forEach((variable, value) -> given.set(variable, Types.of(value)));
      Renderer.render(rendering, body, Scope.top(given), out);
      return out.toString();
    } catch (Refused e) {
      throw new TemplateRefusal(name, rendering.line(), e.words());
    } catch (Raised e) {
      throw new TemplateException(name, rendering.line(), e.kind(), e.reason());
    } catch (StackOverflowError _) {
      throw new TemplateException(
          name, rendering.line(), "RecursionError", "maximum recursion depth exceeded");
    }
  }

  /// The name that the template was parsed under.
  public String name() {
    return name;
  }
}
