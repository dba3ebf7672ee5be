package io.dejavu.testkit;

import io.dejavu.transport.Address;
import java.nio.file.Path;

/// Through memory that two processes map.
final class SharedMemoryConnectionTest extends ConnectionContract {
  @Override
  protected Address address(Path folder) {
    return new Address.SharedMemory(folder.resolve("socket"));
  }
}
