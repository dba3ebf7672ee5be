package io.dejavu.kv.stream;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;

/// Tests that open things: each is closed afterwards, the last one first.
abstract class OpeningTest {
  private final List<AutoCloseable> open = new ArrayList<>();

  @AfterEach
  final void close() throws Exception {
    for (var each : open.reversed()) {
      each.close();
    }
  }

  final <T extends AutoCloseable> T use(T opened) {
    open.add(opened);
    return opened;
  }
}
