package io.dejavu.template;

import java.util.List;

/// What `keys()`, `values()` and `items()` of a dict yield.
record DictView(Part part, Dict dict) {
  /// Which of the three.
  enum Part {
    KEYS,
    VALUES,
    ITEMS
  }

  List<Object> list() {
    return switch (part) {
      case KEYS -> dict.keys();
      case VALUES -> List.copyOf(dict.values());
      case ITEMS -> dict.items();
    };
  }

  String type() {
    return switch (part) {
      case KEYS -> "dict_keys";
      case VALUES -> "dict_values";
      case ITEMS -> "dict_items";
    };
  }
}
