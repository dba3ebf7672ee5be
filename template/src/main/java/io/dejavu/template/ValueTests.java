package io.dejavu.template;

import java.util.HashMap;
import java.util.Map;

/// What can stand behind `is`.
final class ValueTests {
  private static final Map<String, Test> TESTS = new HashMap<>();

  @FunctionalInterface
  private interface Test {
    boolean holds(Rendering r, Object value, Arguments arguments);
  }

  @FunctionalInterface
  private interface Plain {
    boolean holds(Object value);
  }

  static {
    plain("defined", value -> !(value instanceof Undefined));
    plain("undefined", value -> value instanceof Undefined);
    plain("none", value -> value == None.NONE);
    plain("boolean", value -> value instanceof Boolean);
    plain("true", value -> value instanceof Boolean b && b);
    plain("false", value -> value instanceof Boolean b && !b);
    plain("integer", value -> Types.isInteger(value) && !(value instanceof Boolean));
    plain("float", value -> value instanceof Double);
    plain("number", Types::isNumber);
    plain("string", Types::isString);
    plain("mapping", value -> value instanceof Dict);
    plain("sequence", ValueTests::isSequence);
    plain("iterable", Iteration::possible);
    plain("callable", Types::isCallable);
    plain("escaped", value -> value instanceof Markup);
    plain("lower", value -> PythonText.isCased(Text.str(value), false));
    plain("upper", value -> PythonText.isCased(Text.str(value), true));
    plain("filter", value -> Filters.exists(Text.str(value)));
    plain("test", value -> exists(Text.str(value)));
    TESTS.put("odd", (r, value, a) -> none(a, "odd") && remainder(r, value, 2L, 1L));
    TESTS.put("even", (r, value, a) -> none(a, "even") && remainder(r, value, 2L, 0L));
    TESTS.put(
        "divisibleby",
        (r, value, a) -> remainder(r, value, a.bind("divisibleby", 1, "num").at(0), 0L));
    TESTS.put("sameas", (_, value, a) -> identical(value, a.bind("sameas", 1, "other").at(0)));
    TESTS.put("in", (r, value, a) -> Operators.contains(r, a.bind("in", 1, "seq").at(0), value));
    comparison("==", "eq", "equalto");
    comparison("!=", "ne");
    comparison(">", "gt", "greaterthan");
    comparison(">=", "ge");
    comparison("<", "lt", "lessthan");
    comparison("<=", "le");
  }

  private ValueTests() {}

  private static void plain(String name, Plain test) {
    TESTS.put(name, (_, value, arguments) -> none(arguments, name) && test.holds(value));
  }

  private static boolean none(Arguments arguments, String name) {
    arguments.bind(name, 0);
    return true;
  }

  private static void comparison(String operator, String... names) {
    Test test =
        (r, value, arguments) ->
            Operators.compare(r, operator, value, arguments.bindPositional(operator, 1, 1).at(0));
    TESTS.put(operator, test);
    for (String name : names) {
      TESTS.put(name, test);
    }
  }

  private static boolean remainder(Rendering r, Object value, Object by, Object wanted) {
    return Operators.same(r, Operators.binary(r, "%", value, by), wanted);
  }

  private static boolean isSequence(Object value) {
    return Iteration.hasLength(value)
        && !(value instanceof DictView)
        && !(value instanceof LoopState);
  }

  /// Python's `is`; small ints and equal texts are one object there, as a rule.
  @SuppressWarnings("ReferenceEquality")
  private static boolean identical(Object a, Object b) {
    return a == b
        || a.getClass() == b.getClass()
            && (a instanceof Boolean || a instanceof Long || a instanceof String)
            && a.equals(b);
  }

  static boolean exists(String name) {
    return TESTS.containsKey(name);
  }

  static boolean holds(Rendering r, String name, Object value, Arguments arguments) {
    var test = TESTS.get(name);
    if (test == null) {
      throw new Raised("TemplateRuntimeError", "No test named '%s'.".formatted(name));
    }
    return test.holds(r, value, arguments);
  }
}
