package io.dejavu.workload;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

final class EventReaderTest {
  private static final String STREAM =
      "\uFEFFdata: {\"a\": 1}\n\n"
          + ": a comment\r\n\r\n"
          + "event: x\r\ndata:two\r\ndata\r\ndata:  lines \r\nid: 7\r\n\r\n"
          + "data: ü€😀\r\r"
          + "dataset: no\n\n"
          + "data: [DONE]\n\n"
          + "data: never ended\n";
  private static final List<String> EVENTS =
      List.of("{\"a\": 1}", "two\n\n lines ", "ü€😀", "[DONE]");

  @Test
  void eventsAreTheSameHoweverTheBytesAreSplit() throws IOException {
    byte[] bytes = STREAM.getBytes(UTF_8);

    for (int first = 0; first <= bytes.length; first++) {
      for (int second = first; second <= bytes.length; second++) {
        var seen = new ArrayList<String>();
        var reader =
            new EventReader((data, length) -> seen.add(new String(data, 0, length, UTF_8)));
        for (byte[] part :
            List.of(
                Arrays.copyOfRange(bytes, 0, first),
                Arrays.copyOfRange(bytes, first, second),
                Arrays.copyOfRange(bytes, second, bytes.length))) {
          reader.feed(part, part.length);
        }
        assertThat(seen).as("split at %d and %d", first, second).isEqualTo(EVENTS);
      }
    }
  }

  @Test
  void anEventWithoutAnEndIsRefused() {
    var reader = new EventReader((_, _) -> {});
    var part = new byte[1 << 20];
    Arrays.fill(part, (byte) 'x');

    assertThatThrownBy(
            () -> {
              for (int i = 0; i <= EventReader.LONGEST_EVENT >> 20; i++) {
                reader.feed(part, part.length);
              }
            })
        .hasMessageContaining("an event of more than");
  }
}
