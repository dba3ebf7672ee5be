package io.dejavu.api;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.helidon.http.HeaderNames;
import io.helidon.webserver.CloseConnectionException;
import io.helidon.webserver.http.ServerResponse;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.function.Consumer;
import tools.jackson.core.JsonGenerator;
import tools.jackson.databind.node.ObjectNode;

/// Server-sent events as OpenAI's clients read them: `data:` and one line of JSON each, at last
/// `[DONE]`. A client that is gone shows as a [CloseConnectionException].
final class EventStream {
  private static final byte[] DATA = "data: ".getBytes(US_ASCII);
  private static final byte[] END = "\n\n".getBytes(US_ASCII);
  private static final byte[] DONE = "data: [DONE]\n\n".getBytes(US_ASCII);

  private final OutputStream out;
  private final ByteArrayOutputStream waiting = new ByteArrayOutputStream();

  /// Sends the headers with the first event.
  EventStream(ServerResponse response) {
    response.header(HeaderNames.CONTENT_TYPE, "text/event-stream; charset=utf-8");
    response.header(HeaderNames.CACHE_CONTROL, "no-cache");
    response.header(HeaderNames.create("X-Accel-Buffering"), "no"); // proxies, do not collect
    this.out = response.outputStream();
  }

  /// @param event writes one JSON object
  void send(Consumer<JsonGenerator> event) {
    waiting.writeBytes(DATA);
    Json.write(waiting, event);
    waiting.writeBytes(END);
  }

  void send(ObjectNode event) {
    waiting.writeBytes(DATA);
    waiting.writeBytes(Json.bytes(event));
    waiting.writeBytes(END);
  }

  /// What was sent so far goes to the client now.
  void flush() {
    if (waiting.size() == 0) {
      return;
    }
    try {
      waiting.writeTo(out);
      waiting.reset();
      out.flush();
    } catch (IOException e) {
      throw gone(e);
    }
  }

  void done() {
    try {
      waiting.writeBytes(DONE);
      waiting.writeTo(out);
      out.close();
    } catch (IOException e) {
      throw gone(e);
    }
  }

  private static CloseConnectionException gone(IOException e) {
    return new CloseConnectionException("the client has left", e);
  }
}
