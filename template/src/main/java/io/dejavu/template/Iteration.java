package io.dejavu.template;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;

/// Going through a value's items, as Python's `iter` does.
final class Iteration {
  private Iteration() {}

  static Iterator<Object> of(Object value) {
    return of(value, "'%s' object is not iterable");
  }

  @SuppressWarnings("unchecked") // lists hold values only
  static Iterator<Object> of(Object value, String complaint) {
    return switch (value) {
      case List<?> list -> ((List<Object>) list).iterator();
      case Dict dict -> dict.iterator();
      case Tuple tuple -> tuple.items().iterator();
      case String text -> characters(text, false);
      case Markup markup -> characters(markup.text(), true);
      case DictView view -> view.list().iterator();
      case Generator generator -> generator.items();
      case LoopState loop -> loop.rest();
      case Undefined undefined -> undefined.iterate();
      default -> throw Raised.typeError(complaint, Types.nameOf(value));
    };
  }

  static boolean possible(Object value) {
    return value instanceof List<?>
        || value instanceof Dict
        || value instanceof Tuple
        || Types.isString(value)
        || value instanceof DictView
        || value instanceof Generator
        || value instanceof LoopState
        || value instanceof Undefined;
  }

  private static Iterator<Object> characters(String text, boolean markup) {
    return new Iterator<>() {
      private int at;

      @Override
      public boolean hasNext() {
        return at < text.length();
      }

      @Override
      public Object next() {
        if (at >= text.length()) {
          throw new NoSuchElementException();
        }
        int end = at + Character.charCount(text.codePointAt(at));
        String one = text.substring(at, end);
        at = end;
        return markup ? new Markup(one) : one;
      }
    };
  }

  /// Python's `list(value)`, counted.
  static List<Object> list(Rendering r, Object value) {
    var list = new ArrayList<Object>();
    var items = of(value);
    while (items.hasNext()) {
      r.step();
      list.add(items.next());
    }
    return list;
  }

  /// Python's `len(value)`.
  static long length(Object value) {
    return switch (value) {
      case String s -> s.codePointCount(0, s.length());
      case Markup markup -> markup.text().codePointCount(0, markup.text().length());
      case List<?> list -> list.size();
      case Tuple tuple -> tuple.items().size();
      case Dict dict -> dict.size();
      case DictView view -> view.dict().size();
      case LoopState loop -> loop.length();
      case Undefined undefined -> undefined.count();
      default -> throw Raised.typeError("object of type '%s' has no len()", Types.nameOf(value));
    };
  }

  static boolean hasLength(Object value) {
    return possible(value) && !(value instanceof Generator);
  }
}
