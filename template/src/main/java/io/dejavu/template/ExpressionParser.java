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
import io.dejavu.template.TemplateToken.Kind;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Parses expressions, loosest operator first, as Jinja ranks them.
final class ExpressionParser {
  private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");
  private static final int LONGEST_CHAIN = 1000;

  private final TokenCursor cursor;

  /// Names mentioned since the innermost macro began.
  private Set<String> mentioned = new HashSet<>();

  /// Filters and tests that do not exist; an error unless they are in a branch.
  private final List<TemplateException> unknown = new ArrayList<>();

  ExpressionParser(TokenCursor cursor) {
    this.cursor = cursor;
  }

  Set<String> mentioned() {
    return mentioned;
  }

  void mentioned(Set<String> names) {
    mentioned = names;
  }

  List<TemplateException> unknown() {
    return unknown;
  }

  /// A mark for [#forgive].
  int suspects() {
    return unknown.size();
  }

  /// What was unknown since the mark stands in a branch: it may never be reached.
  void forgive(int mark) {
    unknown.subList(mark, unknown.size()).clear();
  }

  /// An expression, or several with commas between them as a tuple.
  Expression tuple(boolean conditionals, boolean inParentheses) {
    var items = new ArrayList<Expression>();
    boolean isTuple = false;
    while (true) {
      if (!items.isEmpty()) {
        cursor.expectOperator(",");
      }
      if (atTupleEnd()) {
        break;
      }
      items.add(expression(conditionals));
      if (!cursor.atOperator(",")) {
        break;
      }
      isTuple = true;
    }
    if (!isTuple && items.size() == 1) {
      return items.getFirst();
    }
    if (!isTuple && !inParentheses) {
      throw cursor.error(
          "Expected an expression, got '%s'".formatted(cursor.current().described()));
    }
    return new TupleOf(List.copyOf(items));
  }

  private boolean atTupleEnd() {
    return cursor.at(Kind.VARIABLE_END) || cursor.at(Kind.BLOCK_END) || cursor.atOperator(")");
  }

  Expression expression() {
    return expression(true);
  }

  private Expression expression(boolean conditionals) {
    cursor.enter();
    var parsed = conditionals ? conditional() : or();
    cursor.leave();
    return parsed;
  }

  private Expression conditional() {
    int mark = suspects();
    var value = or();
    while (cursor.skipName("if")) {
      var test = or();
      cursor.enter();
      var otherwise = cursor.skipName("else") ? conditional() : null;
      cursor.leave();
      value = new Conditional(test, value, otherwise);
      forgive(mark);
    }
    return value;
  }

  private Expression or() {
    var left = and();
    for (int links = 0; cursor.skipName("or"); links++) {
      left = new Or(left, and());
      checkChain(links);
    }
    return left;
  }

  private Expression and() {
    var left = not();
    for (int links = 0; cursor.skipName("and"); links++) {
      left = new And(left, not());
      checkChain(links);
    }
    return left;
  }

  private Expression not() {
    if (cursor.skipName("not")) {
      cursor.enter();
      var operand = not();
      cursor.leave();
      return new Not(operand);
    }
    return comparison();
  }

  private Expression comparison() {
    int line = cursor.line();
    var first = sum();
    var operators = new ArrayList<String>();
    var rest = new ArrayList<Expression>();
    while (true) {
      if (cursor.at(Kind.OPERATOR) && COMPARISONS.contains(cursor.current().text())) {
        operators.add(cursor.next().text());
      } else if (cursor.skipName("in")) {
        operators.add("in");
      } else if (cursor.atName("not") && cursor.following().isName("in")) {
        cursor.next();
        cursor.next();
        operators.add("not in");
      } else {
        break;
      }
      rest.add(sum());
    }
    return operators.isEmpty()
        ? first
        : new Comparison(first, List.copyOf(operators), List.copyOf(rest), line);
  }

  private Expression sum() {
    var left = joined();
    for (int links = 0; cursor.atOperator("+") || cursor.atOperator("-"); links++) {
      var operator = cursor.next();
      left = new Binary(operator.text(), left, joined(), operator.line());
      checkChain(links);
    }
    return left;
  }

  private Expression joined() {
    var first = product();
    if (!cursor.atOperator("~")) {
      return first;
    }
    var parts = new ArrayList<Expression>();
    parts.add(first);
    while (cursor.skipOperator("~")) {
      parts.add(product());
    }
    return new Joined(List.copyOf(parts));
  }

  private Expression product() {
    var left = power();
    for (int links = 0;
        cursor.atOperator("*")
            || cursor.atOperator("/")
            || cursor.atOperator("//")
            || cursor.atOperator("%");
        links++) {
      var operator = cursor.next();
      left = new Binary(operator.text(), left, power(), operator.line());
      checkChain(links);
    }
    return left;
  }

  private Expression power() {
    var left = unary(true);
    for (int links = 0; cursor.atOperator("**"); links++) {
      var operator = cursor.next();
      left = new Binary("**", left, unary(true), operator.line());
      checkChain(links);
    }
    return left;
  }

  private void checkChain(int links) {
    if (links > LONGEST_CHAIN) {
      throw cursor.error("more than " + LONGEST_CHAIN + " operators in a row");
    }
  }

  private Expression unary(boolean filters) {
    Expression node;
    if (cursor.atOperator("-") || cursor.atOperator("+")) {
      var operator = cursor.next();
      cursor.enter();
      node = new Unary(operator.text(), unary(false), operator.line());
      cursor.leave();
    } else {
      node = primary();
    }
    node = postfix(node);
    return filters ? filters(node) : node;
  }

  Expression primary() {
    var token = cursor.current();
    switch (token.kind()) {
      case NAME -> {
        cursor.next();
        return name(token.text());
      }
      case STRING -> {
        var text = new StringBuilder();
        while (cursor.at(Kind.STRING)) {
          text.append(cursor.next().text());
        }
        return new Constant(text.toString());
      }
      case INTEGER, FLOAT -> {
        return new Constant(cursor.next().value());
      }
      default -> {}
    }
    if (cursor.skipOperator("(")) {
      cursor.enter();
      var inner = tuple(true, true);
      cursor.leave();
      cursor.expectOperator(")");
      return inner;
    }
    if (cursor.skipOperator("[")) {
      return list();
    }
    if (cursor.skipOperator("{")) {
      return dict();
    }
    throw cursor.error("unexpected '%s'".formatted(token.described()));
  }

  private Expression name(String name) {
    return switch (name) {
      case "true", "True" -> new Constant(true);
      case "false", "False" -> new Constant(false);
      case "none", "None" -> new Constant(None.NONE);
      default -> {
        mentioned.add(name);
        yield new Variable(name);
      }
    };
  }

  private Expression list() {
    var items = new ArrayList<Expression>();
    while (!cursor.atOperator("]")) {
      if (!items.isEmpty()) {
        cursor.expectOperator(",");
        if (cursor.atOperator("]")) {
          break;
        }
      }
      items.add(expression());
    }
    cursor.expectOperator("]");
    return new ListOf(List.copyOf(items));
  }

  private Expression dict() {
    var keys = new ArrayList<Expression>();
    var values = new ArrayList<Expression>();
    while (!cursor.atOperator("}")) {
      if (!keys.isEmpty()) {
        cursor.expectOperator(",");
        if (cursor.atOperator("}")) {
          break;
        }
      }
      keys.add(expression());
      cursor.expectOperator(":");
      values.add(expression());
    }
    cursor.expectOperator("}");
    return new DictOf(List.copyOf(keys), List.copyOf(values));
  }

  private Expression postfix(Expression start) {
    var node = start;
    for (int links = 0; ; links++) {
      if (cursor.atOperator(".") || cursor.atOperator("[")) {
        node = subscript(node);
      } else if (cursor.atOperator("(")) {
        node = call(node);
      } else {
        return node;
      }
      checkChain(links);
    }
  }

  private Expression filters(Expression start) {
    var node = start;
    for (int links = 0; ; links++) {
      if (cursor.atOperator("|")) {
        cursor.next();
        node = filter(node);
      } else if (cursor.atName("is")) {
        node = test(node);
      } else if (cursor.atOperator("(")) {
        node = call(node);
      } else {
        return node;
      }
      checkChain(links);
    }
  }

  private Expression subscript(Expression target) {
    var token = cursor.next();
    int line = token.line();
    if (token.is(".")) {
      var name = cursor.next();
      return switch (name.kind()) {
        case NAME -> new Attribute(target, name.text(), line);
        case INTEGER -> new Item(target, new Constant(name.value()), line);
        default -> throw cursor.error("expected name or number", name.line());
      };
    }
    var keys = new ArrayList<Expression>();
    while (!cursor.atOperator("]")) {
      if (!keys.isEmpty()) {
        cursor.expectOperator(",");
      }
      keys.add(subscribed());
    }
    cursor.expectOperator("]");
    return new Item(target, keys.size() == 1 ? keys.getFirst() : new TupleOf(keys), line);
  }

  private Expression subscribed() {
    Expression start = null;
    if (!cursor.atOperator(":")) {
      start = expression();
      if (!cursor.atOperator(":")) {
        return start;
      }
    }
    cursor.next();
    var stop = sliceEnd() ? null : expression();
    Expression step = null;
    if (cursor.skipOperator(":")) {
      step = sliceEnd() ? null : expression();
    }
    return new Slice(start, stop, step);
  }

  private boolean sliceEnd() {
    return cursor.atOperator(":") || cursor.atOperator("]") || cursor.atOperator(",");
  }

  private Expression call(Expression target) {
    int line = cursor.line();
    return new Call(target, passed(), line);
  }

  private Passed passed() {
    int line = cursor.line();
    cursor.expectOperator("(");
    var positional = new ArrayList<Expression>();
    var names = new ArrayList<String>();
    var named = new ArrayList<Expression>();
    Expression morePositional = null;
    Expression moreNamed = null;
    boolean first = true;
    while (!cursor.atOperator(")")) {
      if (!first) {
        cursor.expectOperator(",");
        if (cursor.atOperator(")")) {
          break;
        }
      }
      first = false;
      boolean orderly;
      if (cursor.skipOperator("*")) {
        orderly = morePositional == null && moreNamed == null;
        morePositional = expression();
      } else if (cursor.skipOperator("**")) {
        orderly = moreNamed == null;
        moreNamed = expression();
      } else if (cursor.at(Kind.NAME) && cursor.following().is("=")) {
        orderly = moreNamed == null;
        names.add(cursor.next().text());
        cursor.next();
        named.add(expression());
      } else {
        orderly = morePositional == null && moreNamed == null && named.isEmpty();
        positional.add(expression());
      }
      if (!orderly) {
        throw cursor.error("invalid syntax for function call expression", line);
      }
    }
    cursor.expectOperator(")");
    return new Passed(
        List.copyOf(positional), List.copyOf(names), List.copyOf(named), morePositional, moreNamed);
  }

  /// Filters behind a block's start: `{% set x | upper %}`; null if there are none.
  @Nullable Filtered blockFilters() {
    Filtered node = null;
    while (cursor.skipOperator("|")) {
      node = filter(node);
    }
    return node;
  }

  /// The filters of a filter block; the first has no bar in front.
  Filtered filterBlock() {
    var node = filter(null);
    while (cursor.skipOperator("|")) {
      node = filter(node);
    }
    return node;
  }

  private Filtered filter(@Nullable Expression target) {
    int line = cursor.line();
    String name = dottedName();
    var passed = cursor.atOperator("(") ? passed() : Passed.NOTHING;
    if (!Filters.exists(name)) {
      unknown.add(cursor.unknown("No filter named '%s'.".formatted(name), line));
    }
    return new Filtered(target, name, passed, line);
  }

  private String dottedName() {
    var name = new StringBuilder(cursor.expectName());
    while (cursor.skipOperator(".")) {
      name.append('.').append(cursor.expectName());
    }
    return name.toString();
  }

  private Expression test(Expression target) {
    int line = cursor.next().line();
    boolean negated = cursor.skipName("not");
    String name = dottedName();
    Passed passed;
    if (cursor.atOperator("(")) {
      passed = passed();
    } else if (startsTestArgument()) {
      if (cursor.atName("is")) {
        throw cursor.error("You cannot chain multiple tests with is");
      }
      var argument = postfix(primary());
      passed = new Passed(List.of(argument), List.of(), List.of(), null, null);
    } else {
      passed = Passed.NOTHING;
    }
    if (!ValueTests.exists(name)) {
      unknown.add(cursor.unknown("No test named '%s'.".formatted(name), line));
    }
    var tested = new Tested(target, name, passed, line);
    return negated ? new Not(tested) : tested;
  }

  private boolean startsTestArgument() {
    return switch (cursor.current().kind()) {
      case NAME -> !cursor.atName("else") && !cursor.atName("or") && !cursor.atName("and");
      case STRING, INTEGER, FLOAT -> true;
      default -> cursor.atOperator("[") || cursor.atOperator("{");
    };
  }
}
