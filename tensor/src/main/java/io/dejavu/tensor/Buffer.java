package io.dejavu.tensor;

/// A piece of one device's memory. It may lie where this process cannot read it: nothing outside
/// kernels and transfers looks into it, everything else only names it.
///
/// Whoever allocates a buffer owns it and closes it. Closing twice is harmless.
public interface Buffer extends AutoCloseable {
  /// Its size in bytes.
  long bytes();

  /// Gives the memory back. No kernel may still use it.
  @Override
  void close();
}
