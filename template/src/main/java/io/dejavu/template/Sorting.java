package io.dejavu.template;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/// Python's `sorted`: stable, by `<` of keys, which raises if two cannot be compared. A merge sort
/// of our own, because `<` of Python's values need not be an order and the JDK's sort complains
/// then.
final class Sorting {
  private Sorting() {}

  static <T> void sort(
      Rendering r, List<T> items, Function<? super T, Object> key, boolean reverse) {
    r.items(items.size());
    var keyed = new ArrayList<Keyed<T>>(items.size());
    for (T item : items) {
      keyed.add(new Keyed<>(key.apply(item), item));
    }
    var sorted = sorted(r, keyed, reverse);
    for (int i = 0; i < sorted.size(); i++) {
      items.set(i, sorted.get(i).item);
    }
  }

  private record Keyed<T>(Object key, T item) {}

  private static <T> List<Keyed<T>> sorted(Rendering r, List<Keyed<T>> items, boolean reverse) {
    if (items.size() < 2) {
      return items;
    }
    int half = items.size() / 2;
    var left = sorted(r, items.subList(0, half), reverse);
    var right = sorted(r, items.subList(half, items.size()), reverse);
    var merged = new ArrayList<Keyed<T>>(items.size());
    int i = 0;
    int j = 0;
    while (i < left.size() && j < right.size()) {
      r.step();
      Object a = left.get(i).key;
      Object b = right.get(j).key;
      boolean second = reverse ? Operators.less(r, a, b) : Operators.less(r, b, a);
      merged.add(second ? right.get(j++) : left.get(i++));
    }
    merged.addAll(left.subList(i, left.size()));
    merged.addAll(right.subList(j, right.size()));
    return merged;
  }
}
