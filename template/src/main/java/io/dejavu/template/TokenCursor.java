package io.dejavu.template;

import io.dejavu.template.TemplateToken.Kind;
import java.util.List;

/// A place among the tokens of a template, and how to complain about it.
final class TokenCursor {
  private static final int DEEPEST = 120;

  private final List<TemplateToken> tokens;
  private final String template;
  private int at;
  private int depth;

  TokenCursor(List<TemplateToken> tokens, String template) {
    this.tokens = tokens;
    this.template = template;
  }

  TemplateToken current() {
    return tokens.get(at);
  }

  TemplateToken following() {
    return tokens.get(Math.min(at + 1, tokens.size() - 1));
  }

  TemplateToken next() {
    var token = current();
    if (token.kind() != Kind.END) {
      at++;
    }
    return token;
  }

  boolean at(Kind kind) {
    return current().kind() == kind;
  }

  boolean atOperator(String operator) {
    return current().is(operator);
  }

  boolean atName(String name) {
    return current().isName(name);
  }

  boolean skipOperator(String operator) {
    if (atOperator(operator)) {
      next();
      return true;
    }
    return false;
  }

  boolean skipName(String name) {
    if (atName(name)) {
      next();
      return true;
    }
    return false;
  }

  TemplateToken expect(Kind kind, String description) {
    if (!at(kind)) {
      throw expected(description);
    }
    return next();
  }

  String expectName() {
    return expect(Kind.NAME, "name").text();
  }

  void expectOperator(String operator) {
    if (!skipOperator(operator)) {
      throw expected(operator);
    }
  }

  void expectName(String name) {
    if (!skipName(name)) {
      throw expected(name);
    }
  }

  private TemplateException expected(String description) {
    return at(Kind.END)
        ? error("unexpected end of template, expected '" + description + "'.")
        : error("expected token '%s', got '%s'".formatted(description, current().described()));
  }

  /// Goes one level of nesting deeper.
  void enter() {
    if (++depth > DEEPEST) {
      throw error("nested deeper than " + DEEPEST);
    }
  }

  void leave() {
    depth--;
  }

  int line() {
    return current().line();
  }

  TemplateException error(String reason) {
    return error(reason, line());
  }

  TemplateException error(String reason, int line) {
    return new TemplateException(template, line, "TemplateSyntaxError", reason);
  }

  /// What Jinja leaves to Python's compiler to find.
  TemplateException pythonError(String reason, int line) {
    return new TemplateException(template, line, "SyntaxError", reason);
  }

  TemplateException unknown(String reason, int line) {
    return new TemplateException(template, line, "TemplateAssertionError", reason);
  }
}
