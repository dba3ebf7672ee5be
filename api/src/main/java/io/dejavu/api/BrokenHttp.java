package io.dejavu.api;

import io.helidon.http.DirectHandler;
import io.helidon.http.HeaderNames;
import io.helidon.http.HeaderValues;
import io.helidon.http.ServerRequestHeaders;
import io.helidon.http.Status;
import io.helidon.webserver.http.DirectHandlers;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// Answers what goes wrong before a request reaches a route: a broken request line, headers or
/// framing, a body that is too large. The connection is closed then, because nobody knows where the
/// next request begins.
final class BrokenHttp {
  private BrokenHttp() {}

  /// @param requestId of an answer
  static DirectHandlers handlers(Function<ServerRequestHeaders, String> requestId) {
    DirectHandler handler =
        (request, _, status, headers, message) ->
            DirectHandler.TransportResponse.builder()
                .status(status)
                .headers(headers)
                .header(HeaderValues.CONTENT_TYPE_JSON)
                .header(
                    HeaderValues.create(Watching.REQUEST_ID, requestId.apply(request.headers())))
                .keepAlive(false)
                .entity(Json.bytes(error(status, why(request, status, message)).body()))
                .build();
    var builder = DirectHandlers.builder();
    for (var type : List.of(DirectHandler.EventType.values())) {
      builder.addHandler(type, handler);
    }
    return builder.build();
  }

  /// Helidon says nothing of what clients and proxies do most often.
  private static @Nullable String why(
      DirectHandler.TransportRequest request, Status status, @Nullable String message) {
    String encoding = request.headers().value(HeaderNames.CONTENT_ENCODING).orElse("identity");
    if (status.code() == Status.HTTP_VERSION_NOT_SUPPORTED_505.code()) {
      return "only HTTP/1.1 is spoken here; nginx does with proxy_http_version 1.1";
    }
    return status.code() == Status.BAD_REQUEST_400.code() && !encoding.equals("identity")
        ? "a body in another Content-Encoding is not understood"
        : message;
  }

  private static HttpError error(Status status, @Nullable String message) {
    int code = status.code();
    return code == Status.REQUEST_ENTITY_TOO_LARGE_413.code()
        ? tooLarge()
        : new HttpError(
            code,
            code < 500 ? "invalid_request_error" : "server_error",
            message == null || message.isBlank() ? status.reasonPhrase() : message,
            null,
            null);
  }

  static HttpError tooLarge() {
    return new HttpError(
        Status.REQUEST_ENTITY_TOO_LARGE_413.code(),
        "invalid_request_error",
        "the body is too large",
        null,
        "request_too_large");
  }
}
