package io.dejavu.workload;

import java.io.IOException;
import java.util.Arrays;

/// Cuts server-sent events out of bytes as they arrive, however they are split. Only `data` matters
/// here; other fields and comments are passed over.
///
/// Source: WHATWG HTML, §9.2.6, "Interpreting an event stream".
final class EventReader {
  static final int LONGEST_EVENT = 16 << 20;

  /// Takes the data of one event; the array is the reader's own and changes with the next event.
  interface Sink {
    void event(byte[] data, int length) throws IOException;
  }

  private static final byte[] DATA = {'d', 'a', 't', 'a'};

  private final Sink sink;
  private byte[] line = new byte[512];
  private int lineLength;
  private byte[] data = new byte[512];
  private int dataLength;
  private boolean hasData;
  private boolean afterReturn;
  private boolean started;

  EventReader(Sink sink) {
    this.sink = sink;
  }

  void feed(byte[] bytes, int count) throws IOException {
    for (int i = 0; i < count; i++) {
      byte b = bytes[i];
      boolean secondHalf = afterReturn && b == '\n';
      afterReturn = b == '\r';
      if (secondHalf) {
        continue;
      }
      if (b == '\n' || b == '\r') {
        endLine();
      } else {
        line = appended(line, lineLength, b);
        lineLength++;
      }
    }
  }

  private void endLine() throws IOException {
    int from = started ? 0 : byteOrderMark();
    started = true;
    int length = lineLength - from;
    lineLength = 0;
    if (length == 0) {
      dispatch();
      return;
    }
    if (length >= DATA.length
        && Arrays.equals(line, from, from + DATA.length, DATA, 0, DATA.length)
        && (length == DATA.length || line[from + DATA.length] == ':')) {
      int start = Math.min(from + DATA.length + 1, from + length);
      if (start < from + length && line[start] == ' ') {
        start++;
      }
      addData(start, from + length);
    }
  }

  private void addData(int from, int to) throws IOException {
    if (hasData) {
      data = appended(data, dataLength++, (byte) '\n');
    }
    int need = dataLength + to - from;
    if (need > LONGEST_EVENT) {
      throw new HttpConnection.Garbled("an event of more than %d bytes".formatted(LONGEST_EVENT));
    }
    if (need > data.length) {
      data = Arrays.copyOf(data, Math.max(need, 2 * data.length));
    }
    System.arraycopy(line, from, data, dataLength, to - from);
    dataLength = need;
    hasData = true;
  }

  private void dispatch() throws IOException {
    if (hasData) {
      int length = dataLength;
      hasData = false;
      dataLength = 0;
      sink.event(data, length);
    }
  }

  private int byteOrderMark() {
    boolean marked =
        lineLength >= 3
            && line[0] == (byte) 0xEF
            && line[1] == (byte) 0xBB
            && line[2] == (byte) 0xBF;
    return marked ? 3 : 0;
  }

  private static byte[] appended(byte[] bytes, int length, byte b) throws IOException {
    if (length >= LONGEST_EVENT) {
      throw new HttpConnection.Garbled("an event of more than %d bytes".formatted(LONGEST_EVENT));
    }
    byte[] room = length < bytes.length ? bytes : Arrays.copyOf(bytes, 2 * bytes.length);
    room[length] = b;
    return room;
  }
}
