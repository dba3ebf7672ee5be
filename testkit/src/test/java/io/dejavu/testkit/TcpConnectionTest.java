package io.dejavu.testkit;

import io.dejavu.transport.Address;
import java.nio.file.Path;

/// Through TCP on loopback.
final class TcpConnectionTest extends ConnectionContract {
  @Override
  protected Address address(Path folder) {
    return new Address.Tcp("127.0.0.1", 0);
  }
}
