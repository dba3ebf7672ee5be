package io.dejavu.api;

import io.helidon.common.buffers.DataReader;
import io.helidon.http.HeaderNames;
import io.helidon.http.HeaderValues;
import io.helidon.http.RequestException;
import io.helidon.http.Status;
import io.helidon.webserver.CloseConnectionException;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.io.IOException;
import java.time.Duration;
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
    } catch (RequestException e) {
      throw broken(e.status().code(), String.valueOf(e.getMessage()));
    } catch (CloseConnectionException e) {
      throw e;
    } catch (RuntimeException e) { // what Helidon makes of chunks that are none
      throw broken(400, "the body is not what its headers say");
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
    if (error.closes()) {
      response.header(HeaderValues.CONNECTION_CLOSE);
    }
    var wait = error.retryAfter;
    if (wait != null) {
      response.header(HeaderNames.RETRY_AFTER, Long.toString(seconds(wait)));
    }
    send(response, error.status, error.body());
  }

  /// Rounded up: who comes back too early is refused again.
  private static long seconds(Duration wait) {
    return Math.ceilDiv(wait.toMillis(), 1000L);
  }

  /// Nobody knows where the next request would begin.
  private static HttpError broken(int status, String message) {
    return status == Status.REQUEST_ENTITY_TOO_LARGE_413.code()
        ? BrokenHttp.tooLarge().closing()
        : HttpError.malformed(message).closing();
  }
}
