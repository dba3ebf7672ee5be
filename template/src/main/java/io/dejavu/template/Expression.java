package io.dejavu.template;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// An expression of a template, parsed. Lines are kept where evaluating can fail.
sealed interface Expression {
  record Constant(Object value) implements Expression {}

  record Variable(String name) implements Expression {}

  record TupleOf(List<Expression> items) implements Expression {}

  record ListOf(List<Expression> items) implements Expression {}

  record DictOf(List<Expression> keys, List<Expression> values) implements Expression {}

  record Conditional(Expression test, Expression then, @Nullable Expression otherwise)
      implements Expression {}

  record Or(Expression left, Expression right) implements Expression {}

  record And(Expression left, Expression right) implements Expression {}

  record Not(Expression operand) implements Expression {}

  /// `first op[0] rest[0] op[1] rest[1] …`
  record Comparison(Expression first, List<String> operators, List<Expression> rest, int line)
      implements Expression {}

  record Binary(String operator, Expression left, Expression right, int line)
      implements Expression {}

  record Unary(String operator, Expression operand, int line) implements Expression {}

  /// Parts joined with `~`.
  record Joined(List<Expression> parts) implements Expression {}

  record Attribute(Expression target, String name, int line) implements Expression {}

  record Item(Expression target, Expression key, int line) implements Expression {}

  record Slice(@Nullable Expression start, @Nullable Expression stop, @Nullable Expression step)
      implements Expression {}

  record Call(Expression target, Passed passed, int line) implements Expression {}

  /// Without a target: what a filter block or a block of `set` captured.
  record Filtered(@Nullable Expression target, String filter, Passed passed, int line)
      implements Expression {}

  record Tested(Expression target, String test, Passed passed, int line) implements Expression {}

  /// What a call passes: `(a, b, name=c, *more, **named)`.
  record Passed(
      List<Expression> positional,
      List<String> names,
      List<Expression> named,
      @Nullable Expression morePositional,
      @Nullable Expression moreNamed) {
    static final Passed NOTHING = new Passed(List.of(), List.of(), List.of(), null, null);

    boolean isNothing() {
      return positional.isEmpty() && named.isEmpty() && morePositional == null && moreNamed == null;
    }
  }

  /// Where a value goes.
  sealed interface Target {
    record ToName(String name) implements Target {}

    record ToNamespace(String name, String attribute, int line) implements Target {}

    record ToTuple(List<Target> parts, int line) implements Target {}
  }
}
