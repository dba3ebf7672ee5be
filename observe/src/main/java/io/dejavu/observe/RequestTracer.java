package io.dejavu.observe;

/// Makes traces of requests that ended.
interface RequestTracer extends AutoCloseable {
  /// @param model that was served; "" while there is none
  void ended(RequestRecord request, String model);

  /// Sends what was not sent yet, for a few seconds at most.
  @Override
  void close();
}
