package io.dejavu.testkit;

import io.dejavu.transport.Address;
import java.nio.file.Path;

/// Within this process.
final class InProcessConnectionTest extends ConnectionContract {
  @Override
  protected Address address(Path folder) {
    return new Address.SameProcess(folder.getFileName().toString());
  }

  @Override
  protected boolean crossesProcesses() {
    return false;
  }
}
