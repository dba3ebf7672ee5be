package io.dejavu.template;

import io.dejavu.template.Expression.Call;
import io.dejavu.template.Expression.Filtered;
import io.dejavu.template.Expression.Target;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A statement of a template, parsed.
sealed interface Statement {
  record Verbatim(String text) implements Statement {}

  record Print(Expression value, int line) implements Statement {}

  record If(List<Branch> branches, List<Statement> otherwise) implements Statement {}

  record Branch(Expression test, List<Statement> body, int line) {}

  record For(
      Target target,
      Expression items,
      @Nullable Expression filter,
      boolean recursive,
      List<Statement> body,
      List<Statement> otherwise,
      int line)
      implements Statement {}

  record Assign(Target target, Expression value, int line) implements Statement {}

  record Capture(Target target, @Nullable Filtered filter, List<Statement> body, int line)
      implements Statement {}

  record Define(Signature macro) implements Statement {}

  /// A macro, or the body of a `call` block.
  ///
  /// @param defaults of the last parameters
  /// @param takesCaller whether the body mentions `caller`; likewise the others
  record Signature(
      String name,
      List<String> parameters,
      List<Expression> defaults,
      List<Statement> body,
      boolean takesCaller,
      boolean takesNamed,
      boolean takesMore,
      int line) {}

  record CallWith(Signature caller, Call call, int line) implements Statement {}

  record FilterBlock(Filtered filter, List<Statement> body, int line) implements Statement {}

  record With(List<Target> targets, List<Expression> values, List<Statement> body, int line)
      implements Statement {}

  /// A part with names of its own.
  record Scoped(List<Statement> body) implements Statement {}

  /// A `block`: sees what is set at the top of the template, and what is around it if `scoped`.
  record Block(String name, boolean scoped, List<Statement> body) implements Statement {}

  record Break() implements Statement {}

  record Continue() implements Statement {}
}
