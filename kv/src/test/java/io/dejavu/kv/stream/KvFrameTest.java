package io.dejavu.kv.stream;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.dejavu.kv.HeadRange;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.TokenRange;
import io.dejavu.kv.stream.KvMessage.Piece;
import io.dejavu.tensor.DType;
import io.dejavu.transport.Connection;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/// The bytes of heads. The golden files hold every message once; `docs/wire-format.md` draws them.
/// A change of either means another version.
class KvFrameTest {
  private static final Piece PIECE = new Piece(7, 3, new LayerRange(2, 5), new TokenRange(32, 48));

  private static final KvFrame FROM_SENDER =
      new KvFrame(
          41,
          true,
          true,
          List.of(
              new KvMessage.Offer(
                  7,
                  new KvOffer(
                      0x1122334455667788L,
                      3,
                      new LayerRange(2, 6),
                      new HeadRange(4, 8),
                      64,
                      DType.BF16,
                      16,
                      new TokenRange(16, 500))),
              new KvMessage.Part(PIECE, 49152, 0xCAFEBABE),
              new KvMessage.Commit(7, 3, 48),
              new KvMessage.Finish(7, 3, 64),
              new KvMessage.Cancel(8, 1),
              new KvMessage.Renew(9, 2)));

  private static final KvFrame FROM_RECEIVER =
      new KvFrame(
          5,
          false,
          false,
          List.of(
              new KvMessage.Waiting(7, 3),
              new KvMessage.Granted(7, 3, 128),
              new KvMessage.Committed(7, 3, 48),
              new KvMessage.Resend(PIECE),
              new KvMessage.Ended(6, 2, KvMessage.End.REFUSED, 16, "no room: größer"),
              new KvMessage.Ack(41)));

  @Test
  void itsBytesAreThoseOfVersionOne() throws IOException {
    assertThat(hex(write(FROM_SENDER))).isEqualTo(golden("kv-sender-v1.bin"));
    assertThat(hex(write(FROM_RECEIVER))).isEqualTo(golden("kv-receiver-v1.bin"));
  }

  @Test
  void whatWasWrittenIsRead() throws BadFrame {
    assertThat(KvFrame.read(write(FROM_SENDER))).isEqualTo(FROM_SENDER);
    assertThat(KvFrame.read(write(FROM_RECEIVER))).isEqualTo(FROM_RECEIVER);
  }

  @Test
  void aFullHeadFits() throws BadFrame {
    var messages = new ArrayList<KvMessage>();
    int most = (Connection.MOST_HEAD - KvFrame.HEADER) / KvFrame.MOST_MESSAGE;
    for (int i = 0; i < most; i++) {
      messages.add(FROM_SENDER.messages().getFirst());
    }
    var frame = new KvFrame(1, false, false, messages);

    assertThat(KvFrame.read(write(frame))).isEqualTo(frame);
  }

  @Test
  void anyWrongBitIsNoticed() {
    var random = new SplittableRandom(1);
    for (int i = 0; i < 2000; i++) {
      var head = write(i % 2 == 0 ? FROM_SENDER : FROM_RECEIVER);
      long at = random.nextLong(head.byteSize());
      head.set(JAVA_BYTE, at, (byte) (head.get(JAVA_BYTE, at) ^ 1 << random.nextInt(8)));

      assertThatThrownBy(() -> KvFrame.read(head))
          .isInstanceOf(BadFrame.class)
          .hasMessageContaining("checksum");
    }
  }

  /// A peer that computes its checksums well and writes nonsense otherwise.
  @Test
  void garbageIsNothingElseThanABadFrame() {
    var random = new SplittableRandom(2);
    int bad = 0;
    for (int i = 0; i < 5000; i++) {
      var head = write(i % 2 == 0 ? FROM_SENDER : FROM_RECEIVER);
      for (int j = 0; j < 1 + random.nextInt(3); j++) {
        long at = 4 + random.nextLong(head.byteSize() - 4);
        head.set(JAVA_BYTE, at, (byte) random.nextInt(256));
      }
      if (random.nextInt(4) == 0) {
        head = head.asSlice(0, KvFrame.HEADER + random.nextLong(head.byteSize() - KvFrame.HEADER));
      }
      seal(head);
      try {
        KvFrame.read(head);
      } catch (BadFrame _) {
        bad++;
      }
    }

    assertThat(bad).isGreaterThan(1000);
  }

  private static void seal(MemorySegment head) {
    int checksum = KvFrame.checksum(head.asSlice(4));
    for (int i = 0; i < 4; i++) {
      head.set(JAVA_BYTE, i, (byte) (checksum >>> 8 * i));
    }
  }

  private static MemorySegment write(KvFrame frame) {
    return frame.write(MemorySegment.ofArray(new byte[Connection.MOST_HEAD]));
  }

  private static String hex(MemorySegment bytes) {
    return HexFormat.of().formatHex(bytes.toArray(JAVA_BYTE));
  }

  private static String golden(String name) throws IOException {
    try (var in = KvFrameTest.class.getResourceAsStream("/wire/" + name)) {
      return HexFormat.of().formatHex(in.readAllBytes());
    }
  }
}
