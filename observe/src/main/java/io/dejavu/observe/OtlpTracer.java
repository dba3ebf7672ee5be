package io.dejavu.observe;

import static io.dejavu.observe.SequenceTimes.NEVER;

import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapGetter;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporter;
import io.opentelemetry.sdk.resources.Resource;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.export.BatchSpanProcessor;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// One trace per request, made when it has ended: the request, and below it how long each sequence
/// was queued, its prompt computed and its text generated. Attributes are those of OpenTelemetry's
/// conventions for HTTP and for generative models, and the latencies that vLLM reports.
///
/// Spans are sent by a thread of the SDK, in batches; when its queue is full they are dropped.
final class OtlpTracer implements RequestTracer {
  private static final Duration CLOSE_WITHIN = Duration.ofSeconds(3);

  /// Sequences of a request that have spans of their own.
  private static final int SEQUENCES = 16;

  private static final AttributeKey<List<String>> FINISH_REASONS =
      AttributeKey.stringArrayKey("gen_ai.response.finish_reasons");

  private final SdkTracerProvider provider;
  private final Tracer tracer;

  OtlpTracer(SpanExporter exporter, String serviceName, String version) {
    var resource =
        Resource.create(
            Attributes.builder()
                .put("service.name", serviceName)
                .put("service.version", version)
                .build());
    this.provider =
        SdkTracerProvider.builder()
            .setResource(resource)
            .addSpanProcessor(BatchSpanProcessor.builder(exporter).build())
            .build();
    this.tracer = provider.get("io.dejavu", version);
  }

  /// @param endpoint that spans are posted to
  static OtlpTracer open(
      URI endpoint, Map<String, String> headers, String serviceName, String version) {
    var exporter = OtlpHttpSpanExporter.builder().setEndpoint(endpoint.toString());
    headers.forEach(exporter::addHeader);
    return new OtlpTracer(exporter.build(), serviceName, version);
  }

  @Override
  public void ended(RequestRecord request, String model) {
    var parent =
        W3CTraceContextPropagator.getInstance()
            .extract(Context.root(), request.traceparent(), Traceparent.GETTER);
    var builder =
        tracer
            .spanBuilder(request.method() + " " + request.route())
            .setSpanKind(SpanKind.SERVER)
            .setParent(parent)
            .setStartTimestamp(request.time())
            .setAttribute("http.request.method", request.method())
            .setAttribute("http.route", request.route())
            .setAttribute("http.response.status_code", (long) request.status())
            .setAttribute("gen_ai.request.id", request.id());
    if (!request.sequences().isEmpty()) {
      builder.setAllAttributes(generation(request, model));
    }
    var span = builder.startSpan();
    String problem = request.problem();
    if (request.status() >= 500 || problem != null) {
      span.setStatus(StatusCode.ERROR, problem == null ? "" : problem);
      span.setAttribute("error.type", Integer.toString(request.status()));
    }
    var inside = Context.root().with(span);
    request.sequences().stream()
        .limit(SEQUENCES)
        .forEach(sequence -> phases(request, sequence, inside));
    span.end(epochNanos(request, request.ended()), TimeUnit.NANOSECONDS);
  }

  private static Attributes generation(RequestRecord request, String model) {
    var first = request.sequences().getFirst();
    var attributes =
        Attributes.builder()
            .put("gen_ai.operation.name", operation(request.route()))
            .put("gen_ai.provider.name", "dejavu")
            .put("gen_ai.request.model", model)
            .put("gen_ai.response.model", model)
            .put("gen_ai.request.max_tokens", (long) first.maxTokens())
            .put("gen_ai.request.choice.count", (long) request.sequences().size())
            .put("gen_ai.usage.input_tokens", (long) request.promptTokens())
            .put("gen_ai.usage.output_tokens", (long) request.generatedTokens())
            .put("gen_ai.usage.cache_read.input_tokens", (long) request.cachedTokens())
            .put(FINISH_REASONS, request.finishReasons())
            .put("gen_ai.latency.e2e", seconds(request.began(), request.ended()));
    request
        .timeToFirstToken()
        .ifPresent(time -> attributes.put("gen_ai.latency.time_to_first_token", seconds(time)));
    request
        .queueTime()
        .ifPresent(time -> attributes.put("gen_ai.latency.time_in_queue", seconds(time)));
    if (first.hasToken()) {
      attributes
          .put("gen_ai.latency.time_in_model_prefill", seconds(first.started(), first.firstToken()))
          .put(
              "gen_ai.latency.time_in_model_decode", seconds(first.firstToken(), first.lastToken()))
          .put(
              "gen_ai.latency.time_in_model_inference",
              seconds(first.started(), first.lastToken()));
    }
    return attributes.build();
  }

  private static String operation(String route) {
    return route.endsWith("/chat/completions")
        ? "chat"
        : route.endsWith("/embeddings") ? "embeddings" : "text_completion";
  }

  private void phases(RequestRecord request, SequenceRecord sequence, Context parent) {
    phase("queue", request, sequence, parent, sequence.queued(), sequence.started());
    phase("prefill", request, sequence, parent, sequence.started(), sequence.firstToken());
    phase("decode", request, sequence, parent, sequence.firstToken(), sequence.lastToken());
  }

  /// Ends with the request if its own end never came.
  private void phase(
      String name,
      RequestRecord request,
      SequenceRecord sequence,
      Context parent,
      long begin,
      long end) {
    if (begin == NEVER) {
      return;
    }
    tracer
        .spanBuilder(name)
        .setParent(parent)
        .setStartTimestamp(epochNanos(request, begin), TimeUnit.NANOSECONDS)
        .setAttribute("dejavu.sequence", sequence.id())
        .setAttribute("gen_ai.usage.input_tokens", (long) sequence.promptTokens())
        .setAttribute("gen_ai.usage.output_tokens", (long) sequence.generatedTokens())
        .startSpan()
        .end(epochNanos(request, end == NEVER ? request.ended() : end), TimeUnit.NANOSECONDS);
  }

  private static long epochNanos(RequestRecord request, long at) {
    var time = request.time().plusNanos(at - request.began());
    return TimeUnit.SECONDS.toNanos(time.getEpochSecond()) + time.getNano();
  }

  private static double seconds(long begin, long end) {
    return (end - begin) * 1e-9;
  }

  private static double seconds(Duration time) {
    return time.toNanos() * 1e-9;
  }

  @Override
  public void close() {
    var done = provider.shutdown();
    done.join(CLOSE_WITHIN.toMillis(), TimeUnit.MILLISECONDS);
  }

  /// The header as the only one.
  private enum Traceparent implements TextMapGetter<@Nullable String> {
    GETTER;

    @Override
    @SuppressWarnings("deprecation") // abstract as well
    public Iterable<String> keys(@Nullable String header) {
      return List.of("traceparent");
    }

    @Override
    public @Nullable String get(@Nullable String header, String key) {
      return key.equals("traceparent") ? header : null;
    }
  }
}
