package io.dejavu.template;

/// Python's `None`.
enum None {
  NONE
}
