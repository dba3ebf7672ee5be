/// Applications that embed a model, each one small class.
@NullMarked
package io.dejavu.examples;

import org.jspecify.annotations.NullMarked;
