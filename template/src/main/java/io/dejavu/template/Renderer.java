package io.dejavu.template;

import io.dejavu.template.Expression.Target;
import io.dejavu.template.Statement.Assign;
import io.dejavu.template.Statement.Block;
import io.dejavu.template.Statement.Branch;
import io.dejavu.template.Statement.Break;
import io.dejavu.template.Statement.CallWith;
import io.dejavu.template.Statement.Capture;
import io.dejavu.template.Statement.Continue;
import io.dejavu.template.Statement.Define;
import io.dejavu.template.Statement.FilterBlock;
import io.dejavu.template.Statement.For;
import io.dejavu.template.Statement.If;
import io.dejavu.template.Statement.Print;
import io.dejavu.template.Statement.Scoped;
import io.dejavu.template.Statement.Verbatim;
import io.dejavu.template.Statement.With;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import org.jspecify.annotations.Nullable;

/// Carries out statements, writing what they print.
final class Renderer {
  /// How a statement ended.
  enum Flow {
    ON,
    BREAK,
    CONTINUE
  }

  private Renderer() {}

  static Flow render(Rendering r, List<Statement> body, Scope scope, StringBuilder out) {
    for (var statement : body) {
      var flow = render(r, statement, scope, out);
      if (flow != Flow.ON) {
        return flow;
      }
    }
    return Flow.ON;
  }

  private static Flow render(Rendering r, Statement statement, Scope scope, StringBuilder out) {
    r.step();
    switch (statement) {
      case Verbatim(String text) -> r.write(out, text);
      case Print(Expression value, int line) -> {
        r.at(line);
        r.write(out, Text.str(r, Evaluator.evaluate(r, scope, value)));
      }
      case If branches -> {
        return choose(r, branches, scope, out);
      }
      case Assign(Target target, Expression value, int line) -> {
        r.at(line);
        assign(r, scope, scope, target, Evaluator.evaluate(r, scope, value));
      }
      case For loop -> {
        r.at(loop.line());
        var items = Evaluator.evaluate(r, scope, loop.items());
        if (loop.recursive()) {
          r.write(out, again(r, loop, scope, items, 0));
        } else {
          loop(r, loop, scope, items, 0, out);
        }
      }
      case Capture capture -> {
        var text = captured(r, capture.body(), scope);
        r.at(capture.line());
        assign(
            r,
            scope,
            scope,
            capture.target(),
            capture.filter() == null ? text : Evaluator.filter(r, scope, capture.filter(), text));
      }
      case Define(var signature) -> scope.set(signature.name(), new Macro(signature, scope));
      case CallWith(var signature, var call, int line) -> {
        r.at(line);
        var result = Evaluator.call(r, scope, call, new Macro(signature, scope));
        r.write(out, Text.str(r, result));
      }
      case FilterBlock(var filter, var body, int line) -> {
        var text = captured(r, body, scope);
        r.at(line);
        r.write(out, Text.str(r, Evaluator.filter(r, scope, filter, text)));
      }
      case With with -> {
        var inner = new Scope(scope);
        r.at(with.line());
        for (int i = 0; i < with.targets().size(); i++) {
          var value = Evaluator.evaluate(r, scope, with.values().get(i));
          assign(r, scope, inner, with.targets().get(i), value);
        }
        return render(r, with.body(), inner, out);
      }
      case Scoped(var body) -> {
        return render(r, body, new Scope(scope), out);
      }
      case Block(String _, boolean scoped, var body) ->
          render(r, body, new Scope(scoped ? scope : scope.ofTemplate()), out);
      case Break() -> {
        return Flow.BREAK;
      }
      case Continue() -> {
        return Flow.CONTINUE;
      }
    }
    return Flow.ON;
  }

  private static Flow choose(Rendering r, If branches, Scope scope, StringBuilder out) {
    for (Branch branch : branches.branches()) {
      r.at(branch.line());
      if (Types.truth(Evaluator.evaluate(r, scope, branch.test()))) {
        return render(r, branch.body(), scope, out);
      }
    }
    return render(r, branches.otherwise(), scope, out);
  }

  private static String captured(Rendering r, List<Statement> body, Scope scope) {
    var out = new StringBuilder();
    render(r, body, new Scope(scope), out);
    return out.toString();
  }

  /// A recursive loop's text, from its items on.
  private static String again(Rendering r, For loop, Scope scope, Object items, int depth0) {
    r.enter();
    var out = new StringBuilder();
    loop(r, loop, scope, items, depth0, out);
    r.leave();
    return out.toString();
  }

  private static void loop(
      Rendering r, For loop, Scope scope, Object items, int depth0, StringBuilder out) {
    var filter = loop.filter();
    var iterator = Iteration.of(items);
    Object source = items;
    if (filter != null) {
      iterator = filtered(r, loop.target(), filter, scope, iterator);
      source = new Generator(iterator);
    }
    var state =
        new LoopState(
            source,
            iterator,
            loop.recursive()
                ? (rendering, inner, depth) -> again(rendering, loop, scope, inner, depth)
                : null,
            depth0);
    boolean none = true;
    while (state.advance()) {
      r.step();
      var inner = new Scope(scope);
      inner.set("loop", state);
      r.at(loop.line());
      assign(r, scope, inner, loop.target(), state.current());
      var flow = render(r, loop.body(), inner, out);
      if (flow == Flow.BREAK) {
        break;
      }
      // Jinja takes note of an iteration at its end: one that was cut short does not count.
      if (flow == Flow.ON) {
        none = false;
      }
    }
    if (none) {
      render(r, loop.otherwise(), new Scope(scope), out);
    }
  }

  private static Iterator<Object> filtered(
      Rendering r, Target target, Expression test, Scope scope, Iterator<Object> items) {
    return new Iterator<>() {
      private @Nullable Object next;

      @Override
      public boolean hasNext() {
        while (next == null && items.hasNext()) {
          r.step();
          Object item = items.next();
          var inner = new Scope(scope);
          assign(r, scope, inner, target, item);
          if (Types.truth(Evaluator.evaluate(r, inner, test))) {
            next = item;
          }
        }
        return next != null;
      }

      @Override
      public Object next() {
        if (!hasNext() || next == null) {
          throw new NoSuchElementException();
        }
        Object item = next;
        next = null;
        return item;
      }
    };
  }

  /// Gives a value to a target in scope `into`; namespaces are looked up in `scope`.
  private static void assign(Rendering r, Scope scope, Scope into, Target target, Object value) {
    switch (target) {
      case Target.ToName(String name) -> into.set(name, value);
      case Target.ToNamespace(String name, String attribute, int line) -> {
        r.at(line);
        var holder = scope.find(name);
        if (!(holder instanceof Namespace namespace)) {
          throw new Raised(
              "TemplateRuntimeError", "cannot assign attribute on non-namespace object");
        }
        namespace.attributes().put(attribute, value);
      }
      case Target.ToTuple(List<Target> parts, int line) -> {
        r.at(line);
        unpack(r, scope, into, parts, value);
      }
    }
  }

  private static void unpack(
      Rendering r, Scope scope, Scope into, List<Target> parts, Object value) {
    var items = Iteration.of(value, "cannot unpack non-iterable %s object");
    var values = new Object[parts.size()];
    for (int i = 0; i < values.length; i++) {
      if (!items.hasNext()) {
        throw Raised.valueError(
            "not enough values to unpack (expected %d, got %d)", values.length, i);
      }
      values[i] = items.next();
    }
    if (items.hasNext()) {
      throw Raised.valueError("too many values to unpack (expected %d)", values.length);
    }
    for (int i = 0; i < values.length; i++) {
      assign(r, scope, into, parts.get(i), values[i]);
    }
  }
}
