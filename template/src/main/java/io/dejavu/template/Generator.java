package io.dejavu.template;

import java.util.Iterator;

/// Items that can be asked for once, one after the other: what `map`, `select` and others yield.
///
/// @param type what Python calls it
record Generator(Iterator<Object> items, String type) {
  Generator(Iterator<Object> items) {
    this(items, "generator");
  }
}
