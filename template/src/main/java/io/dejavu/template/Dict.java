package io.dejavu.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.AbstractMap.SimpleImmutableEntry;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Python's dict: keys in the order of their arrival, and `1`, `1.0` and `true` are one key. Filled
/// by whoever makes it, then left alone.
final class Dict {
  private static final int LONGEST_KEY = 10_000;

  private final LinkedHashMap<Object, Object> values = new LinkedHashMap<>();
  private @Nullable HashMap<Object, Object>
      originals; // keys that were not their own canonical form

  /// Undefined keys are all one key.
  private static final Object UNDEFINED_KEY = new Object();

  void put(Object key, Object value) {
    var canonical = canonical(key);
    if (!canonical.equals(key) && !values.containsKey(canonical)) {
      if (originals == null) {
        originals = new HashMap<>();
      }
      originals.put(canonical, key);
    }
    values.put(canonical, value);
  }

  void putAll(Dict other) {
    other.entries().forEach(entry -> put(entry.getKey(), entry.getValue()));
  }

  @Nullable Object get(Object key) {
    return values.get(canonical(key));
  }

  @Nullable Object get(String key) {
    return values.get(key);
  }

  boolean contains(Object key) {
    return values.containsKey(canonical(key));
  }

  int size() {
    return values.size();
  }

  boolean isEmpty() {
    return values.isEmpty();
  }

  Collection<Object> values() {
    return values.values();
  }

  List<Object> keys() {
    var keys = new ArrayList<Object>(size());
    for (var key : values.keySet()) {
      keys.add(original(key));
    }
    return keys;
  }

  List<Map.Entry<Object, Object>> entries() {
    var entries = new ArrayList<Map.Entry<Object, Object>>(size());
    values.forEach((key, value) -> entries.add(new SimpleImmutableEntry<>(original(key), value)));
    return entries;
  }

  List<Object> items() {
    var items = new ArrayList<Object>(size());
    values.forEach((key, value) -> items.add(Tuple.of(original(key), value)));
    return items;
  }

  Iterator<Object> iterator() {
    return keys().iterator();
  }

  private Object original(Object canonical) {
    return originals == null ? canonical : originals.getOrDefault(canonical, canonical);
  }

  /// The same object for keys that are equal in Python.
  static Object canonical(Object key) {
    return key instanceof Tuple tuple ? canonical(tuple, new int[] {LONGEST_KEY}) : single(key);
  }

  /// A tuple may hold the same tuple many times: what it stands for is counted.
  private static Object canonical(Tuple tuple, int[] left) {
    var items = new ArrayList<Object>(tuple.items().size());
    for (Object item : tuple.items()) {
      if (--left[0] < 0) {
        throw Raised.limit("a key of more than %d items", LONGEST_KEY);
      }
      items.add(item instanceof Tuple inner ? canonical(inner, left) : single(item));
    }
    return new Tuple(items);
  }

  private static Object single(Object key) {
    return switch (key) {
      case String s -> s;
      case Markup markup -> markup.text();
      case Boolean b -> b ? 1L : 0L;
      case Double d when d == Math.rint(d) && !Double.isInfinite(d) -> integral(d);
      case Undefined _ -> UNDEFINED_KEY;
      case Range range -> range;
      case List<?> _, Dict _ -> throw Raised.typeError("unhashable type: '%s'", Types.nameOf(key));
      default -> key;
    };
  }

  private static Object integral(double value) {
    return Math.abs(value) < 0x1p62 ? (Object) (long) value : Numbers.integer(exact(value));
  }

  private static BigInteger exact(double value) {
    return new BigDecimal(value).toBigInteger();
  }
}
