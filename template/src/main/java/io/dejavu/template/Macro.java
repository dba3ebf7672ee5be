package io.dejavu.template;

import io.dejavu.template.Statement.Signature;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A macro and the names around its definition; calling it yields what its body prints.
final class Macro implements TemplateFunction {
  private final Signature signature;
  private final Scope around;

  Macro(Signature signature, Scope around) {
    this.signature = signature;
    this.around = around;
  }

  String name() {
    return signature.name();
  }

  @Nullable Object member(String member) {
    return switch (member) {
      case "name" -> signature.name();
      case "arguments" -> new Tuple(List.copyOf(signature.parameters()));
      case "caller" -> signature.takesCaller();
      case "catch_kwargs" -> signature.takesNamed();
      case "catch_varargs" -> signature.takesMore();
      default -> null;
    };
  }

  @Override
  public Object call(Rendering rendering, Arguments arguments) {
    rendering.enter();
    int line = rendering.line();
    var scope = new Scope(around);
    fill(rendering, scope, arguments);
    var out = new StringBuilder();
    Renderer.render(rendering, signature.body(), scope, out);
    rendering.at(line);
    rendering.leave();
    return out.toString();
  }

  private void fill(Rendering rendering, Scope scope, Arguments arguments) {
    var parameters = signature.parameters();
    var given = arguments.positional();
    Map<String, Object> named = new LinkedHashMap<>(arguments.named());
    var late = new ArrayList<String>();
    for (int i = 0; i < parameters.size(); i++) {
      String parameter = parameters.get(i);
      var value = i < given.size() ? given.get(i) : named.remove(parameter);
      if (value != null) {
        scope.set(parameter, value);
      } else {
        // Until its default is known a parameter hides what has its name outside.
        scope.set(
            parameter, Undefined.because("parameter '%s' was not provided".formatted(parameter)));
        late.add(parameter);
      }
    }
    if (signature.takesCaller() && !parameters.contains("caller")) {
      var caller = named.remove("caller");
      scope.set("caller", caller == null ? Undefined.because("No caller defined") : caller);
    }
    takeRest(scope, given, named);
    int first = parameters.size() - signature.defaults().size();
    for (String parameter : late) {
      int i = parameters.indexOf(parameter);
      if (i >= first) {
        var value = signature.defaults().get(i - first);
        scope.set(parameter, Evaluator.evaluate(rendering, scope, value));
      }
    }
  }

  private void takeRest(Scope scope, List<Object> given, Map<String, Object> named) {
    int count = signature.parameters().size();
    if (signature.takesNamed()) {
      var rest = new Dict();
      named.forEach(rest::put);
      scope.set("kwargs", rest);
    } else if (named.containsKey("caller")) {
      throw Raised.typeError(
          "macro '%s' was invoked with two values for the special caller argument. This is most"
              + " likely a bug.",
          name());
    } else if (!named.isEmpty()) {
      throw Raised.typeError(
          "macro '%s' takes no keyword argument '%s'", name(), named.keySet().iterator().next());
    }
    if (signature.takesMore()) {
      scope.set("varargs", new Tuple(given.subList(Math.min(count, given.size()), given.size())));
    } else if (given.size() > count) {
      throw Raised.typeError("macro '%s' takes not more than %d argument(s)", name(), count);
    }
  }
}
