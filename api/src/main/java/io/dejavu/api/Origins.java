package io.dejavu.api;

import io.helidon.http.HeaderName;
import io.helidon.http.HeaderNames;
import io.helidon.http.Method;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.net.URI;
import java.util.Set;

/// Which web pages may use this server from a browser (CORS; Fetch standard, §3.2). A browser says
/// where a page came from; all other clients say nothing, and are not concerned.
///
/// Pages of others may neither read answers nor, although a browser would let them, send a request
/// that computes something.
///
/// @param allowed origins; `*`: all
record Origins(Set<String> allowed) {
  private static final HeaderName REQUESTED_METHOD =
      HeaderNames.create("Access-Control-Request-Method");
  private static final HeaderName REQUESTED_HEADERS =
      HeaderNames.create("Access-Control-Request-Headers");
  private static final HeaderName ALLOW_ORIGIN = HeaderNames.create("Access-Control-Allow-Origin");
  private static final HeaderName ALLOW_METHODS =
      HeaderNames.create("Access-Control-Allow-Methods");
  private static final HeaderName ALLOW_HEADERS =
      HeaderNames.create("Access-Control-Allow-Headers");
  private static final HeaderName MAX_AGE = HeaderNames.create("Access-Control-Max-Age");
  private static final HeaderName EXPOSE = HeaderNames.create("Access-Control-Expose-Headers");
  private static final String EXPOSED =
      "X-Request-Id, Retry-After, x-ratelimit-limit-requests, x-ratelimit-remaining-requests,"
          + " x-ratelimit-reset-requests, x-ratelimit-limit-tokens, x-ratelimit-remaining-tokens,"
          + " x-ratelimit-reset-tokens";

  /// Tells the browser whether the page may read the answer.
  ///
  /// @throws HttpError if the page may not even ask
  void check(ServerRequest request, ServerResponse response) {
    String origin = request.headers().value(HeaderNames.ORIGIN).orElse(null);
    if (origin == null) {
      return;
    }
    if (isAllowed(origin)) {
      welcome(origin, response);
      response.header(EXPOSE, EXPOSED);
    } else if (!request.prologue().method().equals(Method.GET) && !isOwn(origin, request)) {
      throw new HttpError(
          403,
          "invalid_request_error",
          "web pages of this origin may not use this server; see --allowed-origin",
          null,
          "origin_not_allowed");
    }
  }

  /// Answers a browser that asks whether a page may send a request.
  ///
  /// @return false if it is no such question, or the page may not
  boolean preflight(ServerRequest request, ServerResponse response) {
    var headers = request.headers();
    String origin = headers.value(HeaderNames.ORIGIN).orElse(null);
    if (!request.prologue().method().equals(Method.OPTIONS)
        || !headers.contains(REQUESTED_METHOD)
        || origin == null
        || !isAllowed(origin)) {
      return false;
    }
    welcome(origin, response);
    response.header(ALLOW_METHODS, "GET, POST");
    headers
        .value(REQUESTED_HEADERS)
        .filter(names -> names.matches("[A-Za-z0-9, _-]{1,1000}"))
        .ifPresent(names -> response.header(ALLOW_HEADERS, names));
    response.header(MAX_AGE, "600");
    response.status(204).send();
    return true;
  }

  private boolean isAllowed(String origin) {
    return allowed.contains("*") || allowed.contains(origin);
  }

  private void welcome(String origin, ServerResponse response) {
    response.header(ALLOW_ORIGIN, allowed.contains("*") ? "*" : origin);
    response.header(HeaderNames.VARY, "Origin");
  }

  /// Whether the page came from this server.
  private static boolean isOwn(String origin, ServerRequest request) {
    try {
      String from = URI.create(origin).getRawAuthority();
      return from != null && from.equals(request.headers().value(HeaderNames.HOST).orElse(""));
    } catch (IllegalArgumentException _) {
      return false;
    }
  }
}
