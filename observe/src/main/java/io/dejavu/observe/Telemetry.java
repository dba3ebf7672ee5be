package io.dejavu.observe;

import io.dejavu.engine.Engine;
import io.dejavu.engine.EngineObserver;
import java.net.URI;
import java.time.InstantSource;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Watches requests and the engine behind them. Cheap to make and to feed: what a request or a
/// token costs are additions without locks. Thread-safe.
public final class Telemetry implements AutoCloseable {
  private final TelemetryConfig config;
  private final InstantSource clock;
  private final Consumer<RequestRecord> log;
  private final EngineMetrics engineMetrics = new EngineMetrics();
  private final RequestMetrics requestMetrics = new RequestMetrics();
  private final LongAdder underWay = new LongAdder();
  private final LongAdder underWayInBackground = new LongAdder();
  private volatile @Nullable Watched watched;

  // Made when they are needed first.
  private @Nullable Exposition exposition;
  private @Nullable RequestTracer tracer;

  private record Watched(Engine engine, EngineFacts facts) {}

  /// @param log is told of each request that ended, by the request's thread
  public Telemetry(TelemetryConfig config, InstantSource clock, Consumer<RequestRecord> log) {
    this.config = config;
    this.clock = clock;
    this.log = log;
  }

  /// Told by the engine what happens.
  public EngineObserver observer() {
    return engineMetrics;
  }

  /// From now on this is the engine that metrics are about.
  ///
  /// @param engine that tells [#observer] what happens
  /// @return the same engine; requests that are submitted to it are counted and traced
  public Engine watch(Engine engine, EngineFacts facts) {
    watched = new Watched(engine, facts);
    return new ObservedEngine(engine, engineMetrics);
  }

  /// A request has come in; it must be [ended][RequestWatch#end].
  ///
  /// @param id as in `X-Request-Id`
  /// @param route one of a few; never what a client has made up
  /// @param traceparent header of that name
  /// @param background whether it only looks at the server, as health checks do: not traced
  public RequestWatch request(
      String id, String method, String route, @Nullable String traceparent, boolean background) {
    var counted = background ? underWayInBackground : underWay;
    counted.increment();
    return new RequestWatch(
        id,
        method,
        route,
        traceparent,
        background,
        clock.instant(),
        request -> {
          counted.decrement();
          ended(request);
        });
  }

  private void ended(RequestRecord request) {
    requestMetrics.ended(request);
    var endpoint = config.otlpEndpoint();
    if (endpoint != null && !request.background()) {
      var now = watched;
      tracer(endpoint).ended(request, now == null ? "" : now.facts.model());
    }
    log.accept(request);
  }

  private synchronized RequestTracer tracer(URI endpoint) {
    var present = tracer;
    if (present == null) {
      present =
          OtlpTracer.open(endpoint, config.otlpHeaders(), config.serviceName(), config.version());
      tracer = present;
    }
    return present;
  }

  /// All metrics, in the format that is asked for.
  ///
  /// @param accept header of that name
  public Scrape scrape(@Nullable String accept) {
    var exposition = exposition();
    var families = new Families();
    OwnMetrics.http(families, requestMetrics, underWay, config.version());
    var now = watched;
    if (now != null) {
      var status = now.engine.status();
      OwnMetrics.engine(families, now.facts, status, engineMetrics);
      OwnMetrics.sequences(families, now.facts, engineMetrics, requestMetrics);
      VllmMetrics.engine(families, now.facts, status, engineMetrics);
      VllmMetrics.sequences(
          families, now.facts, now.engine.maxContext(), engineMetrics, requestMetrics);
    }
    return exposition.write(exposition.all(families), accept);
  }

  private synchronized Exposition exposition() {
    var present = exposition;
    if (present == null) {
      present = new Exposition();
      exposition = present;
    }
    return present;
  }

  /// What charts are drawn from; empty before there is an engine.
  public Optional<ServerStats> stats() {
    var now = watched;
    if (now == null) {
      return Optional.empty();
    }
    return Optional.of(
        new ServerStats(
            now.facts,
            now.engine.status(),
            now.engine.maxContext(),
            underWay.sum(),
            engineMetrics.promptTokens.sum(),
            engineMetrics.cachedTokens.sum(),
            engineMetrics.generatedTokens.sum(),
            requestMetrics.finished.values().stream().mapToLong(LongAdder::sum).sum(),
            LatencyCounts.of(engineMetrics.firstTokenSeconds.read(Bounds.SECONDS)),
            LatencyCounts.of(engineMetrics.nextTokenSeconds.read(Bounds.SECONDS))));
  }

  /// Sends traces that were not sent yet.
  @Override
  public synchronized void close() {
    if (tracer != null) {
      tracer.close();
    }
  }
}
