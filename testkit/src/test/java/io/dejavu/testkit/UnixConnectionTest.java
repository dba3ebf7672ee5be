package io.dejavu.testkit;

import io.dejavu.transport.Address;
import java.nio.file.Path;

/// Through a Unix-domain socket.
final class UnixConnectionTest extends ConnectionContract {
  @Override
  protected Address address(Path folder) {
    return new Address.Unix(folder.resolve("socket"));
  }
}
