package io.dejavu.serve.logging;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import io.dejavu.observe.RequestRecord;
import io.dejavu.observe.Telemetry;
import io.dejavu.observe.TelemetryConfig;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

final class RequestLogTest {
  private final LoggerContext context = new LoggerContext();
  private final List<String> lines = new ArrayList<>();
  private final JsonLines format = new JsonLines();

  @BeforeEach
  void open() {
    format.setContext(context);
    format.start();
    var appender =
        new AppenderBase<ILoggingEvent>() {
          @Override
          protected void append(ILoggingEvent event) {
            lines.add(new String(format.encode(event), UTF_8));
          }
        };
    appender.setContext(context);
    appender.start();
    context.getLogger("test").addAppender(appender);
    context.getLogger("test").setLevel(Level.INFO);
  }

  @Test
  void aRequestIsOneLineOfFields() {
    new RequestLog(context.getLogger("test")).accept(request(200, null, "alice", false));

    var line = only();
    assertThat(line.get("request_id").stringValue()).isEqualTo("r-1");
    assertThat(line.get("route").stringValue()).isEqualTo("/v1/completions");
    assertThat(line.get("status").intValue()).isEqualTo(200);
    assertThat(line.get("tenant").stringValue()).isEqualTo("alice");
    assertThat(line.get("total_ms").doubleValue()).isEqualTo(12.35);
    assertThat(line.get("level").stringValue()).isEqualTo("INFO");
    assertThat(line.get("time").stringValue()).endsWith("Z");
    assertThat(line.get("message").stringValue())
        .contains("r-1 POST /v1/completions → 200 in 12.3 ms for alice");
    assertThat(line.has("problem")).isFalse();
  }

  @Test
  void aProblemIsInTheLine() {
    new RequestLog(context.getLogger("test"))
        .accept(request(499, "the client \"left\"\nat once", "", false));

    assertThat(only().get("problem").stringValue()).isEqualTo("the client \"left\"\nat once");
    assertThat(lines.getFirst().lines()).as("one line").hasSize(1);
  }

  @Test
  void healthChecksAreQuietUnlessTheyFail() {
    var log = new RequestLog(context.getLogger("test"));
    log.accept(request(200, null, "", true));
    log.accept(request(503, null, "", true));

    assertThat(only().get("status").intValue()).isEqualTo(503);
  }

  @Test
  void whatIsLoggedForARequestHasItsId() {
    var telemetry = new Telemetry(TelemetryConfig.of("1"), InstantSource.system(), _ -> {});
    var watch = telemetry.request("r-9", "GET", "/", null, true);
    watch
        .scope()
        .run(
            () ->
                context
                    .getLogger("test")
                    .error("it failed", new IllegalStateException("why it failed")));

    assertThat(only().get("request_id").stringValue()).isEqualTo("r-9");
    assertThat(only().get("error").stringValue()).contains("why it failed", "RequestLogTest");
  }

  private JsonNode only() {
    assertThat(lines).hasSize(1);
    return new JsonMapper().readTree(lines.getFirst());
  }

  private static RequestRecord request(
      int status, String problem, String tenant, boolean background) {
    return new RequestRecord(
        "r-1",
        "POST",
        "/v1/completions",
        status,
        problem,
        null,
        background,
        tenant,
        Instant.EPOCH,
        0,
        12_345_678,
        List.of());
  }
}
