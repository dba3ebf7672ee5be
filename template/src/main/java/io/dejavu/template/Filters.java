package io.dejavu.template;

import java.util.HashMap;
import java.util.Map;

/// What can stand behind `|`. [TextFilters], [SequenceFilters] and [NumberFilters] hold them.
final class Filters {
  private static final Map<String, Filter> FILTERS = new HashMap<>();

  /// One filter; the arguments are those in parentheses.
  @FunctionalInterface
  interface Filter {
    Object apply(Rendering r, Object value, Arguments arguments);
  }

  static {
    TextFilters.addTo(FILTERS);
    SequenceFilters.addTo(FILTERS);
    NumberFilters.addTo(FILTERS);
    FILTERS.put("tojson", Json::dumps);
    FILTERS.put("default", Filters::orDefault);
    FILTERS.put("d", Filters::orDefault);
    FILTERS.put("attr", Filters::attribute);
  }

  private Filters() {}

  static boolean exists(String name) {
    return FILTERS.containsKey(name);
  }

  static Object apply(Rendering r, String name, Object value, Arguments arguments) {
    var filter = FILTERS.get(name);
    if (filter == null) {
      throw new Raised("TemplateRuntimeError", "No filter named '%s'.".formatted(name));
    }
    return filter.apply(r, value, arguments);
  }

  private static Object orDefault(Rendering r, Object value, Arguments arguments) {
    var bound = arguments.bind("default", 0, "default_value", "boolean");
    boolean missing = value instanceof Undefined || bound.flag(1) && !Types.truth(value);
    return missing ? bound.at(0, "") : value;
  }

  private static Object attribute(Rendering r, Object value, Arguments arguments) {
    String name = Types.string(arguments.bind("attr", 1, "name").at(0), "attribute name");
    var member = Members.member(value, name);
    return member == null ? Undefined.of(value, name) : member;
  }
}
