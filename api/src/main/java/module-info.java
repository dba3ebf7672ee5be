import org.jspecify.annotations.NullMarked;

/// OpenAI-compatible HTTP with server-sent events. Knows the wire, not how a token is computed.
@NullMarked
module io.dejavu.api {
  requires static transitive org.jspecify;
  requires transitive io.dejavu.engine;
  requires transitive io.dejavu.model;
  requires transitive io.helidon.webserver;
  requires io.helidon.webserver.sse;
  requires tools.jackson.databind;
}
