package io.dejavu.serve.logging;

import static java.nio.charset.StandardCharsets.UTF_8;

import ch.qos.logback.classic.pattern.ThrowableProxyConverter;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.encoder.EncoderBase;
import io.dejavu.observe.RequestWatch;
import java.io.ByteArrayOutputStream;
import java.util.List;
import org.slf4j.event.KeyValuePair;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/// Log lines as JSON: `time`, `level`, `logger`, `thread`, `message`, and what the event has
/// beside: `error` with its stack, the `request_id` of the request that the logging thread works
/// for, and the event's own fields.
final class JsonLines extends EncoderBase<ILoggingEvent> {
  private final JsonFactory factory = new JsonFactory();
  private final ThrowableProxyConverter stack = new ThrowableProxyConverter();

  @Override
  public void start() {
    stack.start();
    super.start();
  }

  @Override
  public byte[] headerBytes() {
    return new byte[0];
  }

  @Override
  public byte[] footerBytes() {
    return new byte[0];
  }

  @Override
  public byte[] encode(ILoggingEvent event) {
    var out = new ByteArrayOutputStream(256);
    try (var json = factory.createGenerator(ObjectWriteContext.empty(), out)) {
      json.writeStartObject();
      json.writeStringProperty("time", event.getInstant().toString());
      json.writeStringProperty("level", event.getLevel().toString());
      json.writeStringProperty("logger", event.getLoggerName());
      json.writeStringProperty("thread", event.getThreadName());
      json.writeStringProperty("message", event.getFormattedMessage());
      var fields = event.getKeyValuePairs();
      boolean named =
          fields != null && fields.stream().anyMatch(pair -> pair.key.equals("request_id"));
      var request = RequestWatch.current();
      if (request != null && !named) {
        json.writeStringProperty("request_id", request.id());
      }
      if (fields != null) {
        fields.forEach(pair -> field(json, pair));
      }
      if (event.getThrowableProxy() != null) {
        json.writeStringProperty("error", stack.convert(event));
      }
      json.writeEndObject();
    }
    out.writeBytes("\n".getBytes(UTF_8));
    return out.toByteArray();
  }

  private static void field(JsonGenerator json, KeyValuePair pair) {
    switch (pair.value) {
      case null -> json.writeNullProperty(pair.key);
      case Integer value -> json.writeNumberProperty(pair.key, value);
      case Long value -> json.writeNumberProperty(pair.key, value);
      case Double value -> json.writeNumberProperty(pair.key, value);
      case Boolean value -> json.writeBooleanProperty(pair.key, value);
      case List<?> values -> {
        json.writeArrayPropertyStart(pair.key);
        values.forEach(value -> json.writeString(String.valueOf(value)));
        json.writeEndArray();
      }
      default -> json.writeStringProperty(pair.key, pair.value.toString());
    }
  }
}
