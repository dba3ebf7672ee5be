package io.dejavu.serve.logging;

import io.dejavu.observe.RequestRecord;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/// Logs a line for each request when it has ended: who asked for what kind of thing, how much it
/// was and how long it took. Never what was asked or answered. Requests that only look at the
/// server, such as health checks, are logged with `--verbose` alone.
public final class RequestLog implements Consumer<RequestRecord> {
  private final Logger logger;

  public RequestLog() {
    this(LoggerFactory.getLogger("io.dejavu.requests"));
  }

  RequestLog(Logger logger) {
    this.logger = logger;
  }

  @Override
  public void accept(RequestRecord request) {
    var level = request.background() && request.status() < 500 ? Level.DEBUG : Level.INFO;
    if (!logger.isEnabledForLevel(level)) {
      return;
    }
    var event = logger.atLevel(level);
    for (var field : fields(request).entrySet()) {
      event = event.addKeyValue(field.getKey(), field.getValue());
    }
    event.log(line(request));
  }

  private static Map<String, Object> fields(RequestRecord request) {
    var fields = new LinkedHashMap<String, Object>();
    fields.put("request_id", request.id());
    fields.put("method", request.method());
    fields.put("route", request.route());
    fields.put("status", request.status());
    fields.put("total_ms", millis(request.duration()));
    if (!request.tenant().isEmpty()) {
      fields.put("tenant", request.tenant());
    }
    String problem = request.problem();
    if (problem != null) {
      fields.put("problem", problem);
    }
    if (!request.sequences().isEmpty()) {
      fields.put("prompt_tokens", request.promptTokens());
      fields.put("cached_tokens", request.cachedTokens());
      fields.put("generated_tokens", request.generatedTokens());
      fields.put("finish_reason", finish(request));
      request.queueTime().ifPresent(time -> fields.put("queue_ms", millis(time)));
      request.timeToFirstToken().ifPresent(time -> fields.put("ttft_ms", millis(time)));
    }
    return fields;
  }

  /// For people.
  private static String line(RequestRecord request) {
    var line = new StringBuilder();
    line.append(request.id()).append(' ');
    line.append(request.method()).append(' ').append(request.route());
    line.append(" → ").append(request.status()).append(" in ").append(text(request.duration()));
    if (!request.tenant().isEmpty()) {
      line.append(" for ").append(request.tenant());
    }
    if (!request.sequences().isEmpty()) {
      line.append(
          ": %d prompt tokens (%d cached), %d generated, %s"
              .formatted(
                  request.promptTokens(),
                  request.cachedTokens(),
                  request.generatedTokens(),
                  finish(request)));
      request.queueTime().ifPresent(time -> line.append(", queued ").append(text(time)));
      request
          .timeToFirstToken()
          .ifPresent(time -> line.append(", first after ").append(text(time)));
    }
    if (request.problem() != null) {
      line.append(": ").append(request.problem());
    }
    return line.toString();
  }

  /// One word where all sequences agree, as they mostly do.
  private static String finish(RequestRecord request) {
    List<String> reasons = request.finishReasons();
    return String.join(",", new LinkedHashSet<>(reasons));
  }

  private static double millis(Duration time) {
    return Math.round(time.toNanos() / 1e4) / 100.0;
  }

  private static String text(Duration time) {
    return "%.1f ms".formatted(time.toNanos() / 1e6);
  }
}
