package io.dejavu.api;

import io.dejavu.observe.RequestWatch;
import io.helidon.http.HeaderName;
import io.helidon.http.HeaderNames;
import io.helidon.http.ServerRequestHeaders;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Where every request passes before anything of it is read but its headers: web page, key, limits.
final class Gate {
  /// What one has to show at a route.
  enum Door {
    /// Nothing: for what load balancers and browsers ask first.
    OPEN,
    /// A key, if the server has any.
    KEY,
    /// A key, and the request is counted.
    COUNTED
  }

  private static final HeaderName API_KEY = HeaderNames.create("api-key"); // Azure's clients
  private static final HeaderName CHALLENGE = HeaderNames.create("WWW-Authenticate");
  private static final Pattern BEARER = Pattern.compile("(?i:bearer) +(\\S+) *");

  private final Access access;
  private final Origins origins;
  private final RateLimiter limiter;

  Gate(Access access) {
    this.access = access;
    this.origins = new Origins(access.origins());
    this.limiter = new RateLimiter(access.limits());
  }

  /// Answers a browser's question about a page of another origin.
  ///
  /// @return whether it was one
  boolean preflight(ServerRequest request, ServerResponse response) {
    return origins.preflight(request, response);
  }

  /// Lets a request pass.
  ///
  /// @throws HttpError if it may not
  Caller enter(Door door, ServerRequest request, ServerResponse response) {
    origins.check(request, response);
    var keys = access.keys().get();
    String tenant = "";
    if (door != Door.OPEN && !keys.isEmpty()) {
      String name = presented(request.headers()).map(keys::nameOf).orElse(null);
      if (name == null) {
        response.header(CHALLENGE, "Bearer");
        throw wrongKey(request.headers());
      }
      tenant = name;
      RequestWatch.caller(name);
    }
    var caller = new Caller(tenant, limiter, response);
    if (door == Door.COUNTED) {
      caller.countRequest();
    }
    return caller;
  }

  private static Optional<String> presented(ServerRequestHeaders headers) {
    return headers
        .value(HeaderNames.AUTHORIZATION)
        .map(BEARER::matcher)
        .filter(Matcher::matches)
        .map(matcher -> matcher.group(1))
        .or(() -> headers.value(API_KEY));
  }

  /// Does not repeat the key, which may be the right one of another server.
  private static HttpError wrongKey(ServerRequestHeaders headers) {
    boolean given = headers.contains(HeaderNames.AUTHORIZATION) || headers.contains(API_KEY);
    return new HttpError(
        401,
        "invalid_request_error",
        given
            ? "Incorrect API key provided."
            : "You didn't provide an API key. Send it as header Authorization: Bearer YOUR_KEY.",
        null,
        "invalid_api_key");
  }
}
