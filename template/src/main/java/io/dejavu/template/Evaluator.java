package io.dejavu.template;

import io.dejavu.template.Expression.And;
import io.dejavu.template.Expression.Attribute;
import io.dejavu.template.Expression.Binary;
import io.dejavu.template.Expression.Call;
import io.dejavu.template.Expression.Comparison;
import io.dejavu.template.Expression.Conditional;
import io.dejavu.template.Expression.Constant;
import io.dejavu.template.Expression.DictOf;
import io.dejavu.template.Expression.Filtered;
import io.dejavu.template.Expression.Item;
import io.dejavu.template.Expression.Joined;
import io.dejavu.template.Expression.ListOf;
import io.dejavu.template.Expression.Not;
import io.dejavu.template.Expression.Or;
import io.dejavu.template.Expression.Passed;
import io.dejavu.template.Expression.Slice;
import io.dejavu.template.Expression.Tested;
import io.dejavu.template.Expression.TupleOf;
import io.dejavu.template.Expression.Unary;
import io.dejavu.template.Expression.Variable;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Evaluates expressions.
final class Evaluator {
  private Evaluator() {}

  static Object evaluate(Rendering r, Scope scope, Expression expression) {
    r.step();
    return switch (expression) {
      case Constant(Object value) -> value;
      case Variable(String name) -> {
        var value = scope.find(name);
        yield value == null ? Undefined.name(name) : value;
      }
      case Attribute(Expression target, String name, int line) -> {
        var of = evaluate(r, scope, target);
        r.at(line);
        yield Members.attribute(of, name);
      }
      case Item item -> item(r, scope, item);
      case Comparison comparison -> compare(r, scope, comparison);
      case Binary(String operator, Expression left, Expression right, int line) -> {
        var a = evaluate(r, scope, left);
        var b = evaluate(r, scope, right);
        r.at(line);
        yield Operators.binary(r, operator, a, b);
      }
      case And(Expression left, Expression right) -> {
        var a = evaluate(r, scope, left);
        yield Types.truth(a) ? evaluate(r, scope, right) : a;
      }
      case Or(Expression left, Expression right) -> {
        var a = evaluate(r, scope, left);
        yield Types.truth(a) ? a : evaluate(r, scope, right);
      }
      case Not(Expression operand) -> !Types.truth(evaluate(r, scope, operand));
      case Filtered filtered -> filter(r, scope, filtered, null);
      case Tested(Expression target, String test, Passed passed, int line) -> {
        var value = evaluate(r, scope, target);
        var arguments = pass(r, scope, passed);
        r.at(line);
        yield ValueTests.holds(r, test, value, arguments);
      }
      case Call call -> call(r, scope, call, null);
      case Conditional(Expression test, Expression then, @Nullable Expression otherwise) -> {
        if (Types.truth(evaluate(r, scope, test))) {
          yield evaluate(r, scope, then);
        }
        yield otherwise == null
            ? Undefined.because(
                "the inline if-expression evaluated to false and no else section was defined.")
            : evaluate(r, scope, otherwise);
      }
      case Joined(List<Expression> parts) -> joined(r, scope, parts);
      case Unary(String operator, Expression operand, int line) -> {
        var value = evaluate(r, scope, operand);
        r.at(line);
        yield Operators.unary(operator, value);
      }
      case ListOf(List<Expression> items) -> evaluateAll(r, scope, items);
      case TupleOf(List<Expression> items) -> new Tuple(evaluateAll(r, scope, items));
      case DictOf(List<Expression> keys, List<Expression> values) -> {
        var dict = new Dict();
        for (int i = 0; i < keys.size(); i++) {
          var key = evaluate(r, scope, keys.get(i));
          dict.put(key, evaluate(r, scope, values.get(i)));
        }
        yield dict;
      }
      case Slice _ -> throw Raised.typeError("a slice stands in brackets only");
    };
  }

  private static List<Object> evaluateAll(Rendering r, Scope scope, List<Expression> items) {
    var values = new ArrayList<Object>(items.size());
    for (var item : items) {
      values.add(evaluate(r, scope, item));
    }
    return values;
  }

  private static Object joined(Rendering r, Scope scope, List<Expression> parts) {
    var text = new StringBuilder();
    for (var part : parts) {
      r.write(text, Text.str(r, evaluate(r, scope, part)));
    }
    return text.toString();
  }

  private static Object compare(Rendering r, Scope scope, Comparison comparison) {
    var left = evaluate(r, scope, comparison.first());
    for (int i = 0; i < comparison.rest().size(); i++) {
      var right = evaluate(r, scope, comparison.rest().get(i));
      r.at(comparison.line());
      if (!Operators.compare(r, comparison.operators().get(i), left, right)) {
        return false;
      }
      left = right;
    }
    return true;
  }

  private static Object item(Rendering r, Scope scope, Item item) {
    var target = evaluate(r, scope, item.target());
    if (item.key() instanceof Slice slice) {
      var start = orNone(r, scope, slice.start());
      var stop = orNone(r, scope, slice.stop());
      var step = orNone(r, scope, slice.step());
      r.at(item.line());
      return Slices.slice(r, target, start, stop, step);
    }
    var key = evaluate(r, scope, item.key());
    r.at(item.line());
    return Members.item(target, key);
  }

  private static Object orNone(Rendering r, Scope scope, @Nullable Expression expression) {
    return expression == null ? None.NONE : evaluate(r, scope, expression);
  }

  /// Applies filters to their target, or to a text that a block captured.
  static Object filter(Rendering r, Scope scope, Filtered filtered, @Nullable String captured) {
    Object value =
        switch (filtered.target()) {
          case null -> captured == null ? "" : captured;
          case Filtered inner -> filter(r, scope, inner, captured);
          case Expression other -> evaluate(r, scope, other);
        };
    var arguments = pass(r, scope, filtered.passed());
    r.step();
    r.at(filtered.line());
    return Filters.apply(r, filtered.filter(), value, arguments);
  }

  static Object call(Rendering r, Scope scope, Call call, @Nullable Macro caller) {
    var target = evaluate(r, scope, call.target());
    var arguments = pass(r, scope, call.passed());
    r.at(call.line());
    if (target instanceof Undefined undefined) {
      throw undefined.raise();
    }
    if (!(target instanceof TemplateFunction function)) {
      throw Raised.typeError("'%s' object is not callable", Types.nameOf(target));
    }
    return function.call(r, caller == null ? arguments : arguments.with("caller", caller));
  }

  private static Arguments pass(Rendering r, Scope scope, Passed passed) {
    if (passed.isNothing()) {
      return Arguments.NONE;
    }
    var positional = evaluateAll(r, scope, passed.positional());
    Map<String, Object> named = Map.of();
    if (!passed.named().isEmpty()) {
      named = new LinkedHashMap<>();
      for (int i = 0; i < passed.named().size(); i++) {
        if (named.put(passed.names().get(i), evaluate(r, scope, passed.named().get(i))) != null) {
          throw new Raised("SyntaxError", "keyword argument repeated: " + passed.names().get(i));
        }
      }
    }
    if (passed.morePositional() != null) {
      positional.addAll(Iteration.list(r, evaluate(r, scope, passed.morePositional())));
    }
    if (passed.moreNamed() != null) {
      if (!(evaluate(r, scope, passed.moreNamed()) instanceof Dict more)) {
        throw Raised.typeError("argument after ** must be a mapping");
      }
      named = new LinkedHashMap<>(named);
      for (var entry : more.entries()) {
        named.put(Types.string(entry.getKey(), "keywords"), entry.getValue());
      }
    }
    return new Arguments(positional, named);
  }
}
