package io.dejavu.template;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// Filters about lists, dicts and whatever else has items.
final class SequenceFilters {
  private SequenceFilters() {}

  static void addTo(Map<String, Filters.Filter> filters) {
    filters.put("first", SequenceFilters::first);
    filters.put("last", SequenceFilters::last);
    filters.put("length", SequenceFilters::length);
    filters.put("count", SequenceFilters::length);
    filters.put("list", (r, v, a) -> none(a, "list", Iteration.list(r, v)));
    filters.put("items", SequenceFilters::items);
    filters.put("join", SequenceFilters::join);
    filters.put("reverse", SequenceFilters::reverse);
    filters.put("sort", SequenceFilters::sort);
    filters.put("dictsort", SequenceFilters::sortDict);
    filters.put("unique", SequenceFilters::unique);
    filters.put("min", (r, v, a) -> extreme(r, v, a, "min"));
    filters.put("max", (r, v, a) -> extreme(r, v, a, "max"));
    filters.put("sum", SequenceFilters::sum);
    filters.put("groupby", SequenceFilters::groupBy);
    filters.put("batch", SequenceFilters::batch);
    filters.put("slice", SequenceFilters::slice);
    filters.put("map", SequenceFilters::map);
    filters.put("select", (r, v, a) -> select(r, v, a, true, false));
    filters.put("reject", (r, v, a) -> select(r, v, a, false, false));
    filters.put("selectattr", (r, v, a) -> select(r, v, a, true, true));
    filters.put("rejectattr", (r, v, a) -> select(r, v, a, false, true));
  }

  private static Object none(Arguments arguments, String name, Object result) {
    arguments.bind(name, 0);
    return result;
  }

  private static Object first(Rendering r, Object value, Arguments arguments) {
    arguments.bind("first", 0);
    var items = Iteration.of(value);
    return items.hasNext() ? items.next() : Undefined.because("No first item, sequence was empty.");
  }

  private static Object last(Rendering r, Object value, Arguments arguments) {
    arguments.bind("last", 0);
    var items = reversed(r, value);
    return items.hasNext() ? items.next() : Undefined.because("No last item, sequence was empty.");
  }

  private static Object length(Rendering r, Object value, Arguments arguments) {
    arguments.bindPositional("len", 0, 0);
    return Iteration.length(value);
  }

  private static Object items(Rendering r, Object value, Arguments arguments) {
    arguments.bind("items", 0);
    return switch (value) {
      case Undefined _ -> new Generator(Collections.emptyIterator());
      case Dict dict -> new Generator(dict.items().iterator());
      default -> failing(Raised.typeError("Can only get item pairs from a mapping."));
    };
  }

  /// A generator whose complaint comes when it is asked.
  private static Generator failing(Raised complaint) {
    return new Generator(
        new Iterator<>() {
          @Override
          public boolean hasNext() {
            throw complaint;
          }

          @Override
          public Object next() {
            throw complaint;
          }
        });
  }

  private static Object join(Rendering r, Object value, Arguments arguments) {
    var bound = arguments.bind("join", 0, "d", "attribute");
    String separator = Text.str(r, bound.at(0, ""));
    var getter = Getter.of(bound.orNull(1));
    var items = Iteration.of(value);
    var out = new StringBuilder();
    for (boolean first = true; items.hasNext(); first = false) {
      r.step();
      if (!first) {
        r.write(out, separator);
      }
      r.write(out, Text.str(r, getter.apply(items.next())));
    }
    return out.toString();
  }

  private static Object reverse(Rendering r, Object value, Arguments arguments) {
    arguments.bind("reverse", 0);
    if (Types.isString(value)) {
      String text = Text.str(value);
      r.work(text.length());
      String turned = new StringBuilder(text).reverse().toString();
      return value instanceof Markup ? new Markup(turned) : turned;
    }
    if (value instanceof Generator || value instanceof LoopState) {
      var list = Iteration.list(r, value);
      Collections.reverse(list);
      return list;
    }
    if (!Iteration.possible(value)) {
      throw Raised.argument("argument must be iterable");
    }
    return new Generator(reversed(r, value), "reversed");
  }

  private static Iterator<Object> reversed(Rendering r, Object value) {
    if (value instanceof Generator || !Iteration.possible(value)) {
      throw Raised.typeError("'%s' object is not reversible", Types.nameOf(value));
    }
    if (value instanceof List<?> list) {
      return new ReversedItems(list);
    }
    var items = Iteration.list(r, value);
    return new ReversedItems(items);
  }

  private static final class ReversedItems implements Iterator<Object> {
    private final List<?> list;
    private int left;

    ReversedItems(List<?> list) {
      this.list = list;
      this.left = list.size();
    }

    @Override
    public boolean hasNext() {
      return left > 0;
    }

    @Override
    public Object next() {
      if (left == 0) {
        throw new java.util.NoSuchElementException();
      }
      return list.get(--left);
    }
  }

  private static Object foldCase(Object value) {
    return Types.isString(value) ? PythonText.lower(Text.str(value)) : value;
  }

  private static Object sort(Rendering r, Object value, Arguments arguments) {
    var bound = arguments.bind("sort", 0, "reverse", "case_sensitive", "attribute");
    boolean fold = !bound.flag(1);
    var attribute = bound.orNull(2);
    var getters = new ArrayList<Getter>();
    if (attribute != null && Types.isString(attribute)) {
      for (Object part : PythonText.split(Text.str(attribute), ",", -1, false)) {
        getters.add(Getter.of(part));
      }
    } else {
      getters.add(Getter.of(attribute));
    }
    var list = Iteration.list(r, value);
    Sorting.sort(
        r,
        list,
        item -> {
          var key = new ArrayList<Object>(getters.size());
          for (var getter : getters) {
            Object part = getter.apply(item);
            key.add(fold ? foldCase(part) : part);
          }
          return key;
        },
        bound.flag(0));
    return list;
  }

  private static Object sortDict(Rendering r, Object value, Arguments arguments) {
    var bound = arguments.bind("dictsort", 0, "case_sensitive", "by", "reverse");
    String by = Text.str(bound.at(1, "key"));
    if (!by.equals("key") && !by.equals("value")) {
      throw Raised.argument("You can only sort by either \"key\" or \"value\"");
    }
    if (!(value instanceof Dict dict)) {
      if (value instanceof Undefined undefined) {
        throw undefined.raise();
      }
      throw new Raised(
          "AttributeError", "'%s' object has no attribute 'items'".formatted(Types.nameOf(value)));
    }
    boolean fold = !bound.flag(0);
    int position = by.equals("key") ? 0 : 1;
    var items = dict.items();
    Sorting.sort(
        r,
        items,
        item -> {
          Object key = ((Tuple) item).items().get(position);
          return fold ? foldCase(key) : key;
        },
        bound.flag(2));
    return items;
  }

  private static Object unique(Rendering r, Object value, Arguments arguments) {
    var bound = arguments.bind("unique", 0, "case_sensitive", "attribute");
    boolean fold = !bound.flag(0);
    var getter = Getter.of(bound.orNull(1));
    var items = Iteration.of(value);
    Set<Object> seen = new HashSet<>();
    return new Generator(
        new Selection(
            r,
            items,
            item -> {
              Object key = getter.apply(item);
              return seen.add(Dict.canonical(fold ? foldCase(key) : key));
            }));
  }

  private static Object extreme(Rendering r, Object value, Arguments arguments, String name) {
    var bound = arguments.bind(name, 0, "case_sensitive", "attribute");
    var items = Iteration.of(value);
    if (!items.hasNext()) {
      return Undefined.because("No aggregated item, sequence was empty.");
    }
    boolean fold = !bound.flag(0);
    var getter = Getter.of(bound.orNull(1));
    Object best = items.next();
    Object bestKey = fold ? foldCase(getter.apply(best)) : getter.apply(best);
    while (items.hasNext()) {
      r.step();
      Object item = items.next();
      Object key = fold ? foldCase(getter.apply(item)) : getter.apply(item);
      if (name.equals("min") ? Operators.less(r, key, bestKey) : Operators.less(r, bestKey, key)) {
        best = item;
        bestKey = key;
      }
    }
    return best;
  }

  private static Object sum(Rendering r, Object value, Arguments arguments) {
    var bound = arguments.bind("sum", 0, "attribute", "start");
    var getter = Getter.of(bound.orNull(0));
    Object sum = bound.at(1, 0L);
    if (Types.isString(sum)) {
      throw Raised.typeError("sum() can't sum strings [use ''.join(seq) instead]");
    }
    var items = Iteration.of(value);
    while (items.hasNext()) {
      r.step();
      sum = Operators.binary(r, "+", sum, getter.apply(items.next()));
    }
    return sum;
  }

  private static Object groupBy(Rendering r, Object value, Arguments arguments) {
    var bound = arguments.bind("groupby", 1, "attribute", "default", "case_sensitive");
    boolean fold = !bound.flag(2);
    var getter = Getter.of(bound.at(0), bound.orNull(1));
    Function<Object, Object> key = item -> fold ? foldCase(getter.apply(item)) : getter.apply(item);
    var list = Iteration.list(r, value);
    Sorting.sort(r, list, key, false);
    var groups = new ArrayList<Object>();
    int start = 0;
    for (int i = 1; i <= list.size(); i++) {
      if (i == list.size()
          || !Operators.same(r, key.apply(list.get(start)), key.apply(list.get(i)))) {
        groups.add(
            Tuple.group(getter.apply(list.get(start)), new ArrayList<>(list.subList(start, i))));
        start = i;
      }
    }
    return groups;
  }

  private static Object batch(Rendering r, Object value, Arguments arguments) {
    var bound = arguments.bind("batch", 1, "linecount", "fill_with");
    Object count = bound.at(0);
    var fill = bound.orNull(1);
    return new Generator(new Rows(r, Iteration.of(value), count, fill));
  }

  /// Items in rows of a length; the last one may be filled up.
  private static final class Rows implements Iterator<Object> {
    private final Rendering rendering;
    private final Iterator<Object> items;
    private final Object count;
    private final @Nullable Object fill;
    private List<Object> begun = new ArrayList<>();

    Rows(Rendering rendering, Iterator<Object> items, Object count, @Nullable Object fill) {
      this.rendering = rendering;
      this.items = items;
      this.count = count;
      this.fill = fill;
    }

    @Override
    public boolean hasNext() {
      return !begun.isEmpty() || items.hasNext();
    }

    @Override
    public Object next() {
      var row = begun;
      begun = new ArrayList<>();
      while (items.hasNext()) {
        rendering.step();
        Object item = items.next();
        if (Operators.same(rendering, (long) row.size(), count)) {
          begun.add(item);
          return row;
        }
        row.add(item);
      }
      if (fill != null && Operators.less(rendering, (long) row.size(), count)) {
        int missing = Types.index(count) - row.size();
        rendering.items(missing);
        row.addAll(Collections.nCopies(missing, fill));
      }
      return row;
    }
  }

  private static Object slice(Rendering r, Object value, Arguments arguments) {
    var bound = arguments.bind("slice", 1, "slices", "fill_with");
    var fill = bound.orNull(1);
    var list = Iteration.list(r, value);
    int slices = Types.index(bound.at(0));
    if (slices == 0) {
      throw new Raised("ZeroDivisionError", "integer division or modulo by zero");
    }
    r.items(Math.max(0, slices));
    var columns = new ArrayList<Object>();
    int start = 0;
    for (int i = 0; i < slices; i++) {
      int extra = i < list.size() % slices ? 1 : 0;
      int end = start + list.size() / slices + extra;
      var column = new ArrayList<>(list.subList(start, end));
      if (fill != null && extra == 0) {
        column.add(fill);
      }
      columns.add(column);
      start = end;
    }
    return new Generator(columns.iterator());
  }

  private static Object map(Rendering r, Object value, Arguments arguments) {
    if (!Types.truth(value)) {
      return new Generator(Collections.emptyIterator());
    }
    Function<Object, Object> function;
    if (arguments.positional().isEmpty() && arguments.named().containsKey("attribute")) {
      for (String name : arguments.named().keySet()) {
        if (!name.equals("attribute") && !name.equals("default")) {
          return failing(Raised.argument("Unexpected keyword argument %s", Text.repr(name)));
        }
      }
      var bound = arguments.bind("map", 0, "attribute", "default");
      function = Getter.of(bound.orNull(0), bound.orNull(1));
    } else if (arguments.positional().isEmpty()) {
      return failing(Raised.argument("map requires a filter argument"));
    } else {
      String filter = Text.str(arguments.positional().getFirst());
      var rest = arguments.after(1);
      function = item -> Filters.apply(r, filter, item, rest);
    }
    if (!Iteration.possible(value)) {
      return failing(Raised.typeError("'%s' object is not iterable", Types.nameOf(value)));
    }
    var items = Iteration.of(value);
    return new Generator(
        new Iterator<>() {
          @Override
          public boolean hasNext() {
            return items.hasNext();
          }

          @Override
          public Object next() {
            r.step();
            return function.apply(items.next());
          }
        });
  }

  private static Object select(
      Rendering r, Object value, Arguments arguments, boolean wanted, boolean byAttribute) {
    if (!Types.truth(value)) {
      return new Generator(Collections.emptyIterator());
    }
    var rest = arguments;
    Function<Object, Object> getter = item -> item;
    if (byAttribute) {
      if (arguments.positional().isEmpty()) {
        return failing(Raised.argument("Missing parameter for attribute name"));
      }
      getter = Getter.of(arguments.positional().getFirst());
      rest = arguments.after(1);
    }
    Predicate<Object> test = Types::truth;
    if (!rest.positional().isEmpty()) {
      String name = Text.str(rest.positional().getFirst());
      var parameters = rest.after(1);
      test = item -> ValueTests.holds(r, name, item, parameters);
    }
    if (!Iteration.possible(value)) {
      return failing(Raised.typeError("'%s' object is not iterable", Types.nameOf(value)));
    }
    var get = getter;
    var holds = test;
    return new Generator(
        new Selection(r, Iteration.of(value), item -> holds.test(get.apply(item)) == wanted));
  }

  /// Items that pass a test, one at a time.
  private static final class Selection implements Iterator<Object> {
    private final Rendering rendering;
    private final Iterator<Object> items;
    private final Predicate<Object> test;
    private @Nullable Object next;

    Selection(Rendering rendering, Iterator<Object> items, Predicate<Object> test) {
      this.rendering = rendering;
      this.items = items;
      this.test = test;
    }

    @Override
    public boolean hasNext() {
      while (next == null && items.hasNext()) {
        rendering.step();
        Object item = items.next();
        if (test.test(item)) {
          next = item;
        }
      }
      return next != null;
    }

    @Override
    public Object next() {
      if (!hasNext() || next == null) {
        throw new java.util.NoSuchElementException();
      }
      Object item = next;
      next = null;
      return item;
    }
  }

  /// Looks up `attribute.inner.0` in a value, as `map` and `sort` do.
  private record Getter(List<Object> parts, @Nullable Object fallback)
      implements Function<Object, Object> {
    static Getter of(@Nullable Object attribute) {
      return of(attribute, null);
    }

    static Getter of(@Nullable Object attribute, @Nullable Object fallback) {
      if (attribute == null) {
        return new Getter(List.of(), fallback);
      }
      if (!Types.isString(attribute)) {
        return new Getter(List.of(attribute), fallback);
      }
      var parts = new ArrayList<Object>();
      for (Object part : PythonText.split(Text.str(attribute), ".", -1, false)) {
        String name = (String) part;
        boolean index =
            !name.isEmpty()
                && name.length() < 10
                && name.chars().allMatch(c -> c >= '0' && c <= '9');
        parts.add(index ? (Object) Long.parseLong(name) : name);
      }
      return new Getter(parts, fallback);
    }

    @Override
    public Object apply(Object item) {
      Object value = item;
      for (Object part : parts) {
        value = Members.item(value, part);
        if (fallback != null && value instanceof Undefined) {
          value = fallback;
        }
      }
      return value;
    }
  }
}
