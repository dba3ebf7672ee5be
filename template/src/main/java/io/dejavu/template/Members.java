package io.dejavu.template;

import java.math.BigInteger;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// `value.name` and `value[key]`, as Jinja's sandbox resolves them: the first asks for attributes
/// (methods among them) before items, the second for items before attributes.
final class Members {
  /// Attributes that every Python object has and the sandbox hides.
  private static final Set<String> HIDDEN =
      Set.of(
          "__class__",
          "__delattr__",
          "__dict__",
          "__dir__",
          "__doc__",
          "__eq__",
          "__format__",
          "__ge__",
          "__getattribute__",
          "__getitem__",
          "__getstate__",
          "__gt__",
          "__hash__",
          "__init__",
          "__init_subclass__",
          "__iter__",
          "__le__",
          "__len__",
          "__lt__",
          "__module__",
          "__ne__",
          "__new__",
          "__reduce__",
          "__reduce_ex__",
          "__repr__",
          "__setattr__",
          "__sizeof__",
          "__str__",
          "__subclasshook__",
          "__contains__",
          "__add__",
          "__mul__");

  private static final Set<String> CHANGE_DICTS =
      Set.of("clear", "pop", "popitem", "setdefault", "update");
  private static final Set<String> CHANGE_LISTS =
      Set.of("append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove");

  private Members() {}

  /// `target.name`
  static Object attribute(Object target, String name) {
    var member = member(target, name);
    if (member != null) {
      return member;
    }
    var item = itemOrNull(target, name);
    return item == null ? Undefined.of(target, name) : item;
  }

  /// `target[key]`
  static Object item(Object target, Object key) {
    var item = itemOrNull(target, key);
    if (item != null) {
      return item;
    }
    if (Types.isString(key)) {
      var member = member(target, Text.str(key));
      if (member != null) {
        return member;
      }
    }
    return Undefined.of(target, key);
  }

  /// An attribute, without a look at the items; null if there is none.
  static @Nullable Object member(Object target, String name) {
    if (name.startsWith("__") && HIDDEN.contains(name)) {
      return Undefined.unsafe(target, name);
    }
    if (target instanceof Undefined undefined) {
      if (name.startsWith("__")) {
        return null;
      }
      throw undefined.raise();
    }
    return switch (target) {
      case String text -> StringMethods.method(text, text, name);
      case Markup markup -> StringMethods.method(markup, markup.text(), name);
      case Dict dict -> dictMember(dict, name);
      case Range range -> rangeMember(range, name);
      case List<?> list ->
          CHANGE_LISTS.contains(name)
              ? Undefined.unsafe(target, name)
              : sequenceMember(list, list, name);
      case Tuple tuple -> {
        if (tuple.group() && name.equals("grouper")) {
          yield tuple.items().get(0);
        }
        if (tuple.group() && name.equals("list")) {
          yield tuple.items().get(1);
        }
        yield name.equals("copy") ? null : sequenceMember(tuple, tuple.items(), name);
      }
      case Namespace namespace -> namespace.attributes().get(name);
      case LoopState loop -> loop.member(name);
      case Macro macro -> macro.member(name);
      case Cycler cycler -> cyclerMember(cycler, name);
      case Joiner joiner ->
          switch (name) {
            case "sep" -> joiner.separator();
            case "used" -> joiner.used();
            default -> null;
          };
      case Double d -> floatMember(d, name);
      case Long _, Boolean _, BigInteger _ -> integerMember(target, name);
      default -> null;
    };
  }

  private static @Nullable Object dictMember(Dict dict, String name) {
    return switch (name) {
      case "get" ->
          new BoundMethod(
              dict,
              name,
              (_, arguments) -> {
                var bound = arguments.bindPositional("get", 1, 2);
                var value = dict.get(bound.at(0));
                return value == null ? bound.at(1, None.NONE) : value;
              });
      case "items" -> view(dict, name, DictView.Part.ITEMS);
      case "keys" -> view(dict, name, DictView.Part.KEYS);
      case "values" -> view(dict, name, DictView.Part.VALUES);
      case "copy" -> new BoundMethod(dict, name, (_, _) -> dict); // never changed: as good as new
      default -> CHANGE_DICTS.contains(name) ? Undefined.unsafe(dict, name) : null;
    };
  }

  private static Object view(Dict dict, String name, DictView.Part part) {
    return new BoundMethod(
        dict,
        name,
        (_, arguments) -> {
          arguments.bindPositional(name, 0, 0);
          return new DictView(part, dict);
        });
  }

  private static @Nullable Object rangeMember(Range range, String name) {
    return switch (name) {
      case "start", "stop", "step" -> range.part(name);
      case "copy" -> null;
      default -> sequenceMember(range, range, name);
    };
  }

  private static @Nullable Object sequenceMember(Object self, List<?> items, String name) {
    return switch (name) {
      case "index" ->
          new BoundMethod(
              self,
              name,
              (r, arguments) -> {
                var bound = arguments.bindPositional("index", 1, 3);
                int from = within(bound.index(1, 0), items.size());
                int to = within(bound.index(2, Integer.MAX_VALUE), items.size());
                r.items(items.size());
                for (int i = from; i < to; i++) {
                  if (Operators.same(r, items.get(i), bound.at(0))) {
                    return (long) i;
                  }
                }
                throw Raised.valueError(
                    "%s is not in %s", Text.repr(bound.at(0)), Types.nameOf(self));
              });
      case "count" ->
          new BoundMethod(
              self,
              name,
              (r, arguments) -> {
                var wanted = arguments.bindPositional("count", 1, 1).at(0);
                r.items(items.size());
                return items.stream().filter(item -> Operators.same(r, item, wanted)).count();
              });
      case "copy" -> new BoundMethod(self, name, (_, _) -> items);
      default -> null;
    };
  }

  private static int within(int index, int size) {
    return Math.clamp(index < 0 ? (long) index + size : index, 0, size);
  }

  private static @Nullable Object cyclerMember(Cycler cycler, String name) {
    return switch (name) {
      case "next" -> new BoundMethod(cycler, name, (_, _) -> cycler.next());
      case "reset" -> new BoundMethod(cycler, name, (_, _) -> cycler.reset());
      case "current" -> cycler.current();
      case "items" -> new Tuple(cycler.items());
      case "pos" -> (long) cycler.position();
      default -> null;
    };
  }

  private static @Nullable Object integerMember(Object n, String name) {
    return switch (name) {
      case "real", "numerator" -> Numbers.plus(n);
      case "imag" -> 0L;
      case "denominator" -> 1L;
      case "conjugate" -> new BoundMethod(n, name, (_, _) -> Numbers.plus(n));
      case "bit_length" ->
          new BoundMethod(n, name, (_, _) -> (long) Numbers.big(n).abs().bitLength());
      default -> null;
    };
  }

  private static @Nullable Object floatMember(Double d, String name) {
    return switch (name) {
      case "real" -> d;
      case "imag" -> 0.0;
      case "conjugate" -> new BoundMethod(d, name, (_, _) -> d);
      case "is_integer" ->
          new BoundMethod(d, name, (_, _) -> d == Math.rint(d) && !Double.isInfinite(d));
      default -> null;
    };
  }

  /// `target[key]` without a look at the attributes; null if there is none.
  private static @Nullable Object itemOrNull(Object target, Object key) {
    return switch (target) {
      case Dict dict -> key instanceof String name ? dict.get(name) : hashable(dict, key);
      case String text -> character(text, key);
      case Markup markup -> {
        var one = character(markup.text(), key);
        yield one == null ? null : new Markup(one);
      }
      case List<?> list -> element(list, key);
      case Tuple tuple -> element(tuple.items(), key);
      case Undefined undefined -> throw undefined.raise();
      default -> null;
    };
  }

  private static @Nullable Object hashable(Dict dict, Object key) {
    // An unhashable key is a TypeError, which Jinja takes for an item that is not there.
    return key instanceof List<?> || key instanceof Dict ? null : dict.get(key);
  }

  private static @Nullable Object element(List<?> list, Object key) {
    int at = position(key, list.size());
    return at < 0 ? null : list.get(at);
  }

  private static @Nullable String character(String text, Object key) {
    if (!(key instanceof Long || key instanceof Boolean)) {
      return null;
    }
    int at = position(key, CodePoints.count(text));
    return at < 0 ? null : Character.toString(text.codePointAt(CodePoints.offset(text, at)));
  }

  /// Index from the start, or -1 if it is none.
  private static int position(Object key, int size) {
    if (!(key instanceof Long) && !(key instanceof Boolean)) {
      return -1;
    }
    long index = key instanceof Long n ? n : (boolean) key ? 1 : 0;
    long at = index < 0 ? index + size : index;
    return at >= 0 && at < size ? (int) at : -1;
  }

  /// Entries of a mapping, for `**` and `dict`.
  static Iterable<Map.Entry<Object, Object>> entries(Object mapping) {
    if (mapping instanceof Dict dict) {
      return dict.entries();
    }
    throw Raised.typeError("'%s' object is not a mapping", Types.nameOf(mapping));
  }
}
