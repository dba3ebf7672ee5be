package io.dejavu.template;

import io.dejavu.template.Expression.Call;
import io.dejavu.template.Expression.Target;
import io.dejavu.template.Statement.Branch;
import io.dejavu.template.Statement.Signature;
import io.dejavu.template.TemplateToken.Kind;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/// Parses a template's statements.
final class TemplateParser {
  private static final Set<String> CONSTANTS =
      Set.of("true", "false", "none", "True", "False", "None");

  private final TokenCursor cursor;
  private final ExpressionParser expressions;
  private int loops; // around the current statement, within its macro
  private int forsAround; // around the current statement, across macros

  private TemplateParser(TokenCursor cursor) {
    this.cursor = cursor;
    this.expressions = new ExpressionParser(cursor);
  }

  static List<Statement> parse(String source, String name) {
    var parser = new TemplateParser(new TokenCursor(TemplateLexer.tokens(source, name), name));
    var body = parser.statements(List.of());
    if (!parser.expressions.unknown().isEmpty()) {
      throw parser.expressions.unknown().getFirst();
    }
    return body;
  }

  /// Statements up to one of the given tags, which becomes the current token; or up to the end.
  private List<Statement> statements(List<String> ends) {
    cursor.enter();
    var body = new ArrayList<Statement>();
    while (true) {
      var token = cursor.next();
      switch (token.kind()) {
        case DATA -> body.add(new Statement.Verbatim(token.text()));
        case VARIABLE_BEGIN -> {
          int line = cursor.line();
          body.add(new Statement.Print(expressions.tuple(true, false), line));
          cursor.expect(Kind.VARIABLE_END, "end of print statement");
        }
        case BLOCK_BEGIN -> {
          if (cursor.at(Kind.NAME) && ends.contains(cursor.current().text())) {
            cursor.leave();
            return List.copyOf(body);
          }
          body.add(statement(ends));
          cursor.expect(Kind.BLOCK_END, "end of statement block");
        }
        case END -> {
          if (!ends.isEmpty()) {
            throw cursor.error("Unexpected end of template." + lookingFor(ends));
          }
          cursor.leave();
          return List.copyOf(body);
        }
        default -> throw new IllegalStateException("token " + token);
      }
    }
  }

  private static String lookingFor(List<String> ends) {
    return ends.isEmpty()
        ? ""
        : ends.stream()
            .map(end -> "'" + end + "'")
            .collect(
                Collectors.joining(" or ", " Jinja was looking for the following tags: ", "."));
  }

  /// The body of a block whose tag was read up to its end.
  private List<Statement> body(String... ends) {
    cursor.skipOperator(":");
    cursor.expect(Kind.BLOCK_END, "end of statement block");
    return statements(List.of(ends));
  }

  private List<Statement> bodyUntil(String end) {
    var body = body(end);
    cursor.next();
    return body;
  }

  private Statement statement(List<String> ends) {
    var tag = cursor.expect(Kind.NAME, "tag name");
    int line = tag.line();
    return switch (tag.text()) {
      case "for" -> loop(line);
      case "if" -> branches(line);
      case "set" -> assignment(line);
      case "macro" -> {
        var name = cursor.expectName();
        yield new Statement.Define(signature(name, "endmacro", line));
      }
      case "call" -> callBlock(line);
      case "filter" ->
          new Statement.FilterBlock(expressions.filterBlock(), bodyUntil("endfilter"), line);
      case "with" -> with(line);
      case "block" -> block();
      case "print" -> print(line);
      case "generation" -> new Statement.Scoped(bodyUntil("endgeneration"));
      case "break" -> {
        requireLoop("break", line);
        yield new Statement.Break();
      }
      case "continue" -> {
        requireLoop("continue", line);
        yield new Statement.Continue();
      }
      case "include", "import", "from", "extends", "autoescape" ->
          throw cursor.error(
              "'%s' is not supported: a chat template stands alone".formatted(tag.text()), line);
      default ->
          throw cursor.error(
              "Encountered unknown tag '%s'.%s".formatted(tag.text(), lookingFor(ends)), line);
    };
  }

  private void requireLoop(String tag, int line) {
    if (loops == 0) {
      throw cursor.pythonError("'%s' outside loop".formatted(tag), line);
    }
  }

  private Statement loop(int line) {
    forsAround++;
    var target = target(false);
    cursor.expectName("in");
    var items = expressions.tuple(false, false);
    var filter = cursor.skipName("if") ? expressions.expression() : null;
    boolean recursive = cursor.skipName("recursive");
    loops++;
    var body = body("endfor", "else");
    loops--;
    var otherwise = cursor.next().isName("else") ? bodyUntil("endfor") : List.<Statement>of();
    forsAround--;
    return new Statement.For(target, items, filter, recursive, body, otherwise, line);
  }

  private Statement branches(int start) {
    int mark = expressions.suspects();
    var branches = new ArrayList<Branch>();
    List<Statement> otherwise = List.of();
    int line = start;
    while (true) {
      var test = expressions.tuple(false, false);
      branches.add(new Branch(test, body("elif", "else", "endif"), line));
      line = cursor.line();
      var tag = cursor.next();
      if (tag.isName("elif")) {
        continue;
      }
      if (tag.isName("else")) {
        otherwise = bodyUntil("endif");
      }
      expressions.forgive(mark);
      return new Statement.If(List.copyOf(branches), otherwise);
    }
  }

  private Statement assignment(int line) {
    var target = target(true);
    if (cursor.skipOperator("=")) {
      return new Statement.Assign(target, expressions.tuple(true, false), line);
    }
    var filters = expressions.blockFilters();
    return new Statement.Capture(target, filters, bodyUntil("endset"), line);
  }

  private Statement with(int line) {
    var targets = new ArrayList<Target>();
    var values = new ArrayList<Expression>();
    while (!cursor.at(Kind.BLOCK_END)) {
      if (!targets.isEmpty()) {
        cursor.expectOperator(",");
      }
      targets.add(target(false));
      cursor.expectOperator("=");
      values.add(expressions.expression());
    }
    return new Statement.With(
        List.copyOf(targets), List.copyOf(values), bodyUntil("endwith"), line);
  }

  private Statement block() {
    String name = cursor.expectName();
    boolean scoped = cursor.skipName("scoped");
    cursor.skipName("required");
    int around = loops;
    loops = 0;
    var body = bodyUntil("endblock");
    loops = around;
    cursor.skipName(name);
    return new Statement.Block(name, scoped, body);
  }

  private Statement print(int line) {
    var values = new ArrayList<Statement>();
    while (!cursor.at(Kind.BLOCK_END)) {
      if (!values.isEmpty()) {
        cursor.expectOperator(",");
      }
      values.add(new Statement.Print(expressions.expression(), line));
    }
    // One thing to print is what is printed everywhere; several share the surrounding names.
    return new Statement.If(
        List.of(new Branch(new Expression.Constant(true), List.copyOf(values), line)), List.of());
  }

  private Statement callBlock(int line) {
    var parameters = new ArrayList<String>();
    var defaults = new ArrayList<Expression>();
    if (cursor.atOperator("(")) {
      parameters(parameters, defaults);
    }
    if (!(expressions.expression() instanceof Call call)) {
      throw cursor.error("expected call", line);
    }
    return new Statement.CallWith(
        signature("None", parameters, defaults, "endcall", line), call, line);
  }

  private Signature signature(String name, String end, int line) {
    var parameters = new ArrayList<String>();
    var defaults = new ArrayList<Expression>();
    parameters(parameters, defaults);
    return signature(name, parameters, defaults, end, line);
  }

  private void parameters(List<String> parameters, List<Expression> defaults) {
    cursor.expectOperator("(");
    while (!cursor.atOperator(")")) {
      if (!parameters.isEmpty()) {
        cursor.expectOperator(",");
      }
      parameters.add(assignable(cursor.expectName()));
      if (cursor.skipOperator("=")) {
        defaults.add(expressions.expression());
      } else if (!defaults.isEmpty()) {
        throw cursor.error("non-default argument follows default argument");
      }
    }
    cursor.expectOperator(")");
  }

  private Signature signature(
      String name, List<String> parameters, List<Expression> defaults, String end, int line) {
    var outside = expressions.mentioned();
    var inside = new HashSet<String>();
    expressions.mentioned(inside);
    int around = loops;
    loops = 0;
    var body = bodyUntil(end);
    loops = around;
    outside.addAll(inside);
    expressions.mentioned(outside);
    return new Signature(
        name,
        List.copyOf(parameters),
        List.copyOf(defaults),
        body,
        inside.contains("caller"),
        inside.contains("kwargs"),
        inside.contains("varargs"),
        line);
  }

  /// Where a value goes: a name, an attribute of a namespace, or several in a tuple.
  private Target target(boolean namespaces) {
    int line = cursor.line();
    var parts = new ArrayList<Target>();
    boolean isTuple = false;
    while (true) {
      if (!parts.isEmpty()) {
        cursor.expectOperator(",");
      }
      if (cursor.at(Kind.BLOCK_END) || cursor.atOperator(")")) {
        break;
      }
      parts.add(singleTarget(namespaces));
      if (!cursor.atOperator(",")) {
        break;
      }
      isTuple = true;
    }
    if (!isTuple && parts.size() == 1) {
      return parts.getFirst();
    }
    if (parts.isEmpty()) {
      throw cursor.error(
          "Expected an expression, got '%s'".formatted(cursor.current().described()));
    }
    return new Target.ToTuple(List.copyOf(parts), line);
  }

  private Target singleTarget(boolean namespaces) {
    int line = cursor.line();
    if (cursor.skipOperator("(")) {
      cursor.enter();
      var inner = target(false);
      cursor.leave();
      cursor.expectOperator(")");
      return inner;
    }
    if (!cursor.at(Kind.NAME)) {
      throw cursor.error("can't assign to '%s'".formatted(cursor.current().described()), line);
    }
    String name = assignable(cursor.next().text());
    if (name.equals("loop") && forsAround > 0) {
      throw cursor.unknown(
          "Can't assign to special loop variable in for-loop target", cursor.line());
    }
    if (namespaces && cursor.skipOperator(".")) {
      return new Target.ToNamespace(name, cursor.expectName(), line);
    }
    return new Target.ToName(name);
  }

  private String assignable(String name) {
    if (CONSTANTS.contains(name)) {
      throw cursor.error("can't assign to 'const'");
    }
    return name;
  }
}
