import org.jspecify.annotations.NullMarked;

/// OpenAI-compatible HTTP with server-sent events. Knows the wire, not how a token is computed.
@NullMarked
module io.dejavu.api {
  requires static transitive org.jspecify;
  requires transitive io.dejavu.engine;
  requires transitive io.dejavu.model;
  requires transitive io.dejavu.template;
  requires io.dejavu.grammar;
  requires transitive io.dejavu.observe;
  requires io.helidon.webserver;
  requires io.helidon.http;
  requires io.helidon.common.buffers;
  requires io.helidon.common.concurrency.limits;
  requires io.helidon.common.socket;
  requires io.helidon.common.task;
  requires tools.jackson.databind;
  requires static java.logging; // what the tests listen to
  requires static java.net.http; // the client of the tests

  exports io.dejavu.api;
}
