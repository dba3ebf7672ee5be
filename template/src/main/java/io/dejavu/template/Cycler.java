package io.dejavu.template;

import java.util.List;

/// What `cycler(…)` makes: its items in turn, again and again.
final class Cycler {
  private final List<Object> items;
  private int position;

  Cycler(List<Object> items) {
    if (items.isEmpty()) {
      throw new Raised("RuntimeError", "at least one item has to be provided");
    }
    this.items = items;
  }

  List<Object> items() {
    return items;
  }

  int position() {
    return position;
  }

  Object current() {
    return items.get(position);
  }

  Object next() {
    Object item = current();
    position = (position + 1) % items.size();
    return item;
  }

  Object reset() {
    position = 0;
    return None.NONE;
  }
}
