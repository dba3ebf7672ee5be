package io.dejavu.api;

import static java.nio.charset.StandardCharsets.US_ASCII;

/// An answer written by hand, for a client that cannot be reached through HTTP's usual ways. The
/// connection ends with it.
final class PlainAnswer {
  private PlainAnswer() {}

  static byte[] of(HttpError error) {
    byte[] body = Json.bytes(error.body());
    byte[] head =
        """
        HTTP/1.1 %d Bad Request\r
        Content-Type: application/json\r
        Content-Length: %d\r
        Connection: close\r
        \r
        """
            .formatted(error.status, body.length)
            .getBytes(US_ASCII);
    var answer = new byte[head.length + body.length];
    System.arraycopy(head, 0, answer, 0, head.length);
    System.arraycopy(body, 0, answer, head.length, body.length);
    return answer;
  }
}
