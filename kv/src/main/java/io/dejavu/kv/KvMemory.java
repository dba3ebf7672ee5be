package io.dejavu.kv;

import io.dejavu.tensor.Buffer;
import io.dejavu.tensor.Device;
import io.dejavu.tensor.KvCache;

/// Owns the bytes of a stage's keys and values: one buffer of a device, for as long as the stage
/// lives. Who may use which block is {@link BlockPool}'s business.
public final class KvMemory implements AutoCloseable {
  private final KvLayout layout;
  private final Buffer buffer;

  private KvMemory(KvLayout layout, Buffer buffer) {
    this.layout = layout;
    this.buffer = buffer;
  }

  /// Memory of this process alone, zeroed.
  public static KvMemory open(Device device, KvLayout layout) {
    return new KvMemory(layout, device.allocate(layout.bytes()));
  }

  public KvLayout layout() {
    return layout;
  }

  /// One layer of the model, as the kernels see it.
  public KvCache cache(int layer) {
    return layout.cache(buffer, layer);
  }

  /// No kernel may still use it.
  @Override
  public void close() {
    buffer.close();
  }
}
