package io.dejavu.serve.bench.kv;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.kv.LayerRange;
import io.dejavu.kv.TokenRange;
import io.dejavu.serve.bench.kv.BenchSequences.Part;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class PlainMessageTest {
  private final MemorySegment head = MemorySegment.ofArray(new byte[PlainMessage.MOST_BYTES]);

  private PlainMessage again(PlainMessage message) {
    return PlainMessage.read(message.write(head));
  }

  private static PlainMessage.Packed packed(int parts, boolean answered) {
    return new PlainMessage.Packed(
        new LayerRange(2, 5),
        IntStream.range(0, parts).mapToObj(i -> new Part(i, new TokenRange(i, 2 * i + 1))).toList(),
        answered);
  }

  @Test
  void messagesAreReadAsTheyWereWritten() {
    for (var message :
        List.of(
            packed(PlainMessage.MOST_PARTS, true),
            packed(1, false),
            new PlainMessage.Row(1L << 40),
            new PlainMessage.Ask())) {
      assertThat(again(message)).isEqualTo(message);
    }
  }
}
