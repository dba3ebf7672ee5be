package io.dejavu.api;

import java.time.Duration;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// An answer that tells the client what is wrong, in OpenAI's form: all four keys, `param` and
/// `code` null where they say nothing.
final class HttpError extends RuntimeException {
  private static final long serialVersionUID = 1;

  final int status;
  final String type;
  final @Nullable String param;
  final @Nullable String code;
  final @Nullable Duration retryAfter;
  private boolean closes;

  HttpError(
      int status, String type, String message, @Nullable String param, @Nullable String code) {
    this(status, type, message, param, code, null);
  }

  private HttpError(
      int status,
      String type,
      String message,
      @Nullable String param,
      @Nullable String code,
      @Nullable Duration retryAfter) {
    super(message, null, false, false); // a client's mistake needs no stack trace
    this.status = status;
    this.type = type;
    this.param = param;
    this.code = code;
    this.retryAfter = retryAfter;
  }

  /// The request can't be understood as a whole.
  static HttpError malformed(String message) {
    return new HttpError(400, "invalid_request_error", message, null, null);
  }

  /// A field that has to be there is not.
  static HttpError missing(String param) {
    return new HttpError(
        400, "invalid_request_error", param + " is missing", param, "missing_required_parameter");
  }

  /// A field has a wrong type or value.
  static HttpError invalid(String param, String message) {
    return new HttpError(400, "invalid_request_error", message, param, "invalid_value");
  }

  /// A field that is known elsewhere and that we can't honour.
  static HttpError unsupported(String param, String message) {
    return new HttpError(400, "invalid_request_error", message, param, "unsupported_parameter");
  }

  /// Worth another try after `wait`: 429 where this client asks too much, 503 where we are the ones
  /// who can't.
  static HttpError tryLater(int status, String message, Duration wait) {
    return status == 429
        ? new HttpError(429, "rate_limit_error", message, null, "rate_limit_exceeded", wait)
        : new HttpError(status, "server_error", message, null, "service_unavailable", wait);
  }

  /// The request failed here.
  static HttpError failed(String message) {
    return new HttpError(500, "server_error", message, null, null);
  }

  /// The same, and no further request is read from this connection.
  HttpError closing() {
    closes = true;
    return this;
  }

  boolean closes() {
    return closes;
  }

  /// What is wrong in one word: unlike the message, without anything of the request.
  String kind() {
    return code == null ? type : code;
  }

  String message() {
    String message = getMessage();
    return message == null ? "" : message;
  }

  ObjectNode body() {
    var error = JsonNodeFactory.instance.objectNode();
    error.put("message", message()).put("type", type).put("param", param).put("code", code);
    var body = JsonNodeFactory.instance.objectNode();
    body.set("error", error);
    return body;
  }
}
