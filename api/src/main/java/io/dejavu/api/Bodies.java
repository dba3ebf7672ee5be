package io.dejavu.api;

import io.helidon.common.buffers.DataReader;
import io.helidon.http.DirectHandler;
import io.helidon.http.HeaderNames;
import io.helidon.http.RequestException;
import io.helidon.http.Status;
import io.helidon.webserver.CloseConnectionException;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.io.IOException;
import tools.jackson.databind.node.ObjectNode;

/// Bodies of requests and answers. The size of a request is limited by the server's configuration.
final class Bodies {
  private Bodies() {}

  static byte[] read(ServerRequest http) {
    if (!http.content().hasEntity()) {
      return new byte[0];
    }
    try {
      return http.content().inputStream().readAllBytes();
    } catch (IOException | DataReader.InsufficientDataAvailableException e) {
      throw new CloseConnectionException("the client left within its request", e);
    } catch (NumberFormatException e) { // what Helidon makes of a chunk whose length is no number
      throw RequestException.builder()
          .type(DirectHandler.EventType.BAD_REQUEST)
          .message("the length of a chunk is not a number")
          .setKeepAlive(false)
          .cause(e)
          .build();
    }
  }

  static void send(ServerResponse response, int status, ObjectNode body) {
    send(response, status, Json.bytes(body));
  }

  /// @param json one value
  static void send(ServerResponse response, int status, byte[] json) {
    response.status(Status.create(status));
    response.header(HeaderNames.CONTENT_TYPE, "application/json");
    response.send(json);
  }

  static void send(ServerResponse response, HttpError error) {
    var wait = error.retryAfter;
    if (wait != null) {
      response.header(HeaderNames.RETRY_AFTER, Long.toString(wait.toSeconds()));
    }
    send(response, error.status, error.body());
  }
}
