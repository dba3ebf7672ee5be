package io.dejavu.transport;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;

/// Closing what is of no use any more, where nobody can do anything about a failure.
final class Closing {
  private static final Logger LOG = System.getLogger(Closing.class.getName());

  private Closing() {}

  static void quietly(AutoCloseable... resources) {
    for (AutoCloseable resource : resources) {
      try {
        resource.close();
      } catch (IOException | RuntimeException e) {
        LOG.log(Level.DEBUG, "closing " + resource, e);
      } catch (Exception e) {
        throw new IllegalStateException("closing " + resource, e);
      }
    }
  }
}
