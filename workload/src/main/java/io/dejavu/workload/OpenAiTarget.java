package io.dejavu.workload;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// Any server with OpenAI's completions or chat, asked for streams. Connections are used again;
/// every request has a deadline, at which its connection is closed.
public final class OpenAiTarget implements Target, AutoCloseable {
  private static final JsonMapper JSON = new JsonMapper();

  private final TargetConfig config;
  private final PromptMaker prompts;
  private final PromptText words;
  private final ConnectionPool pool;
  private final String fields;
  private final String head;
  private final Set<Exchange> running = ConcurrentHashMap.newKeySet();
  private final ScheduledThreadPoolExecutor deadlines;
  private volatile boolean stopped;

  /// @param config with a model
  /// @param words for prompts of text
  public OpenAiTarget(
      TargetConfig config, PromptMaker prompts, PromptText words, LongSupplier nanoTime) {
    this.config = config;
    this.prompts = prompts;
    this.words = words;
    this.pool = new ConnectionPool(config.base(), config.connectPatience(), nanoTime);
    this.fields = fields(config);
    this.head = ServerProbe.head(config, "POST", config.endpoint().path) + "Content-Length: ";
    this.deadlines =
        new ScheduledThreadPoolExecutor(
            1, task -> Thread.ofPlatform().daemon().name("load-deadlines").unstarted(task));
    deadlines.setRemoveOnCancelPolicy(true);
  }

  /// All of a request's JSON but prompt and length.
  private static String fields(TargetConfig config) {
    ObjectNode all = JsonNodeFactory.instance.objectNode();
    all.put("model", config.model());
    all.put("stream", true);
    all.putObject("stream_options").put("include_usage", true);
    all.put("temperature", 0);
    if (config.ignoreEos()) {
      all.put("ignore_eos", true);
    }
    all.setAll(config.extra());
    return JSON.writeValueAsString(all).substring(1); // without the brace
  }

  @Override
  public Prepared prepare(PlannedRequest request, int number) {
    var body = new StringBuilder(8 * request.promptTokens() + fields.length() + 64).append('{');
    switch (config.form()) {
      case TOKENS ->
          body.append("\"prompt\":").append(Arrays.toString(prompts.tokens(request, number)));
      case TEXT -> {
        String text = JSON.writeValueAsString(prompts.text(request, number, words));
        switch (config.endpoint()) {
          case COMPLETIONS -> body.append("\"prompt\":").append(text);
          case CHAT ->
              body.append("\"messages\":[{\"role\":\"user\",\"content\":")
                  .append(text)
                  .append("}]");
        }
      }
    }
    body.append(",\"max_tokens\":").append(request.outputTokens()).append(',').append(fields);
    byte[] content = body.toString().getBytes(UTF_8);
    byte[] start = (head + content.length + "\r\n\r\n").getBytes(US_ASCII);
    byte[] whole = Arrays.copyOf(start, start.length + content.length);
    System.arraycopy(content, 0, whole, start.length, content.length);
    return clock -> exchange(new Exchange(request, number, whole, pool, clock));
  }

  private Attempt exchange(Exchange exchange) {
    running.add(exchange);
    if (stopped) {
      exchange.abort(Failure.Kind.STOPPED);
    }
    var late =
        deadlines.schedule(
            () -> exchange.abort(Failure.Kind.TIMEOUT),
            config.deadline().toNanos(),
            TimeUnit.NANOSECONDS);
    try {
      return exchange.run();
    } finally {
      late.cancel(false);
      running.remove(exchange);
    }
  }

  @Override
  public void stop() {
    stopped = true;
    running.forEach(exchange -> exchange.abort(Failure.Kind.STOPPED));
  }

  @Override
  public void close() {
    stop();
    deadlines.shutdownNow();
    pool.close();
  }
}
