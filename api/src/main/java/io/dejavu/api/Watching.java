package io.dejavu.api;

import io.dejavu.observe.RequestWatch;
import io.dejavu.observe.Telemetry;
import io.helidon.http.HeaderName;
import io.helidon.http.HeaderNames;
import io.helidon.http.Method;
import io.helidon.http.ServerRequestHeaders;
import io.helidon.webserver.CloseConnectionException;
import io.helidon.webserver.http.Handler;
import io.helidon.webserver.http.ServerRequest;
import java.util.HexFormat;
import java.util.Set;
import java.util.random.RandomGenerator;

/// Gives every request an id, and tells telemetry when it came, how it ended and by which route:
/// what logs, metrics and traces know of HTTP.
///
/// @param random thread-safe
record Watching(Telemetry telemetry, RandomGenerator random) {
  /// The route of what is at no path of ours.
  static final String OTHER = "other";

  static final HeaderName REQUEST_ID = HeaderNames.create("X-Request-Id");
  private static final HeaderName TRACEPARENT = HeaderNames.create("traceparent");

  /// What a client gets to hear when it has left, by the custom of nginx.
  private static final int CLIENT_GONE = 499;

  private static final Set<Method> KNOWN =
      Set.of(
          Method.GET,
          Method.HEAD,
          Method.POST,
          Method.PUT,
          Method.PATCH,
          Method.DELETE,
          Method.OPTIONS);

  Handler around(String route, Handler handler) {
    return (request, response) -> {
      String id = requestId(request.headers());
      response.header(REQUEST_ID, id);
      var watch = watch(id, route, request);
      int status = 500;
      try {
        watch
            .scope()
            .call(
                () -> {
                  handler.handle(request, response);
                  return true;
                });
        status = response.status().code();
      } catch (CloseConnectionException e) {
        if (e.getCause() instanceof HttpError answered) {
          status = answered.status;
        } else {
          watch.failed("the client has left");
          status = CLIENT_GONE;
        }
        throw e;
      } finally {
        watch.end(status);
      }
    };
  }

  private RequestWatch watch(String id, String route, ServerRequest request) {
    var method = request.prologue().method();
    return telemetry.request(
        id,
        KNOWN.contains(method) ? method.text() : OTHER,
        route,
        request.headers().value(TRACEPARENT).orElse(null),
        !method.equals(Method.POST));
  }

  /// The client's own if it is harmless, or a new one.
  String requestId(ServerRequestHeaders headers) {
    String given = headers.value(REQUEST_ID).orElse("");
    return given.matches("[A-Za-z0-9._:-]{1,128}")
        ? given
        : "req-" + HexFormat.of().toHexDigits(random.nextLong());
  }
}
