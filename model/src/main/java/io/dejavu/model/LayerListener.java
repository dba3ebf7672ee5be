package io.dejavu.model;

/// Hears, layer by layer, that a step's keys and values are where they belong, while the step goes
/// on: what is told may be read and sent while the next layers are computed.
@FunctionalInterface
public interface LayerListener {
  /// Hears nothing.
  LayerListener NONE = _ -> {};

  /// All keys and values of the running step are written in `layer` of the model, or enqueued
  /// before whatever the device is asked for from now on. Called by the thread that computes, for
  /// each layer of the stage in order; that thread waits for it, and the step fails if it throws.
  void written(int layer);
}
