package io.dejavu.api;

import static java.lang.System.Logger.Level.ERROR;

import io.dejavu.engine.Engine;
import io.dejavu.observe.RequestWatch;
import io.dejavu.observe.Telemetry;
import io.helidon.http.HeaderNames;
import io.helidon.http.HeaderValues;
import io.helidon.http.Method;
import io.helidon.webserver.CloseConnectionException;
import io.helidon.webserver.WebServer;
import io.helidon.webserver.http.FilterChain;
import io.helidon.webserver.http.Handler;
import io.helidon.webserver.http.HttpRouting;
import io.helidon.webserver.http.RoutingRequest;
import io.helidon.webserver.http.RoutingResponse;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.helidon.webserver.http1.Http1Config;
import io.helidon.webserver.http1.Http1ConnectionSelector;
import java.io.IOException;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Set;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// The OpenAI-compatible HTTP server in front of an engine. Routes, headers and errors; what a
/// route does is in the class named after it.
public final class ApiServer implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(ApiServer.class.getName());
  private static final Duration DRAIN_POLL = Duration.ofMillis(20);
  private static final Set<String> WITHOUT_VERSION =
      Set.of("/chat/completions", "/completions", "/embeddings", "/models");

  /// What the system keeps of an answer that the client does not take. The system's own choice is
  /// megabytes: a whole answer would go out before anybody finds that no one reads it.
  private static final int SEND_BUFFER_BYTES = 128 << 10;

  private final ApiConfig config;
  private final String version;
  private final InstantSource clock;
  private final RandomGenerator random;
  private final Telemetry telemetry;
  private final Watching watching;
  private final Gate gate;
  private final ClientConnections connections;
  private final WebServer web;

  /// Null while the model is loaded.
  private volatile @Nullable Served served;

  /// What there is to ask once a model is there.
  private record Served(
      Engine engine, ServedModel model, Completions completions, Embeddings embeddings) {}

  private ApiServer(
      ApiConfig config,
      String version,
      InstantSource clock,
      RandomGenerator random,
      Telemetry telemetry) {
    this.config = config;
    this.version = version;
    this.clock = clock;
    this.random = random;
    this.telemetry = telemetry;
    this.watching = new Watching(telemetry, random);
    this.gate = new Gate(config.access());
    this.connections =
        new ClientConnections(Http1ConnectionSelector.builder().config(http1()).build(), config);
    var builder =
        WebServer.builder()
            .host(config.host())
            .port(config.port())
            .connectionOptions(
                options -> options.tcpNoDelay(true).socketSendBufferSize(SEND_BUFFER_BYTES))
            .protocolsDiscoverServices(false)
            .addConnectionSelector(connections)
            .maxPayloadSize(config.bodyBytes())
            .maxTcpConnections(config.connections())
            .directHandlers(BrokenHttp.handlers(watching::requestId))
            .shutdownHook(false)
            .routing(this::routes);
    this.web = builder.build();
  }

  /// Helidon's own logs of what comes and goes would have keys and prompts.
  @SuppressWarnings("removal") // the replacement is a listener that would be there to do nothing
  private static Http1Config http1() {
    return Http1Config.builder().receiveLog(false).sendLog(false).build();
  }

  /// Listens from now on, and answers 503 until there is a model to [#serve].
  ///
  /// @param version of this software
  /// @param random thread-safe
  /// @param telemetry is told of every request; belongs to the caller
  /// @throws BindException if the address cannot be listened on
  public static ApiServer open(
      ApiConfig config,
      String version,
      InstantSource clock,
      RandomGenerator random,
      Telemetry telemetry)
      throws BindException {
    probe(config);
    var server = new ApiServer(config, version, clock, random, telemetry);
    server.web.start();
    if (!server.web.isRunning()) {
      server.connections.close();
      throw cannotListen(config, "see the log");
    }
    return server;
  }

  /// Helidon logs why it does not start and goes on; callers want to know.
  private static void probe(ApiConfig config) throws BindException {
    var address = new InetSocketAddress(config.host(), config.port());
    if (address.isUnresolved()) {
      throw cannotListen(config, "no such host");
    }
    try (var socket = new ServerSocket()) {
      socket.setReuseAddress(true);
      socket.bind(address);
    } catch (IOException e) {
      throw cannotListen(config, String.valueOf(e.getMessage()));
    }
  }

  private static BindException cannotListen(ApiConfig config, String why) {
    return new BindException(
        "cannot listen on %s:%d: %s".formatted(config.host(), config.port(), why));
  }

  /// Answers with this model from now on.
  ///
  /// @param engine as {@link Telemetry#watch} gave it
  public void serve(Engine engine, ServedModel model) {
    var shared = new TenantEngine(engine, config.retryAfter());
    served =
        new Served(
            engine,
            model,
            new Completions(shared, model, config, clock, random),
            new Embeddings(shared, model, clock, random));
  }

  public int port() {
    return web.port();
  }

  /// Stops gracefully: refuses new completions, waits for those under way, at most for `patience`,
  /// ends the rest with an error, then closes all connections.
  ///
  /// @return whether all completions came to their own end
  public boolean drain(Duration patience) throws InterruptedException {
    var now = served;
    boolean all = true;
    if (now != null) {
      now.completions.drain();
      long end = System.nanoTime() + patience.toNanos();
      while (now.completions.underWay() > 0 && System.nanoTime() < end) {
        Thread.sleep(DRAIN_POLL);
      }
      all = now.completions.underWay() == 0;
    }
    close();
    return all;
  }

  /// Ends everything now.
  @Override
  public void close() {
    var now = served;
    if (now != null) {
      now.completions.drain();
      now.completions.abandon("the server is stopping");
    }
    web.stop();
    connections.close();
    if (now != null) {
      now.completions.close();
    }
  }

  private void routes(HttpRouting.Builder routing) {
    routing.addFilter(ApiServer::refuseTunnels);
    post(
        routing,
        "/v1/completions",
        (request, response) -> served().completions.handle(request, response, TextRequest::read));
    post(
        routing,
        "/v1/chat/completions",
        (request, response) -> served().completions.handle(request, response, ChatRequest::read));
    post(routing, "/v1/embeddings", this::embeddings);
    post(
        routing,
        "/tokenize",
        (request, response) ->
            served()
                .completions
                .handle(request, response, TokenLists::tokenize, TokenLists::answer));
    post(
        routing,
        "/detokenize",
        (request, response) ->
            served()
                .completions
                .handle(request, response, TokenLists::detokenize, TokenLists::answer));
    get(routing, Gate.Door.KEY, "/v1/models", this::models);
    get(routing, Gate.Door.KEY, "/v1/models/{id:.+}", this::model);
    get(routing, Gate.Door.OPEN, "/health", this::health);
    get(routing, Gate.Door.OPEN, "/ping", this::health);
    get(routing, Gate.Door.OPEN, "/version", this::version);
    // They tell how busy others are.
    var busy = config.access().openMetrics() ? Gate.Door.OPEN : Gate.Door.KEY;
    get(routing, busy, "/metrics", this::metrics);
    get(routing, busy, "/stats", this::stats);
    for (var asset : WebPage.ASSETS) {
      get(routing, Gate.Door.OPEN, asset.path(), asset::send);
    }
    routing.any(
        answering(
            Watching.OTHER,
            Gate.Door.KEY,
            (request, _) -> {
              throw unknown(request.path().path());
            }));
  }

  /// Most often the base URL that a client was given is not what it expects.
  private static HttpError unknown(String path) {
    String hint = "";
    if (path.startsWith("/v1/v1/")) {
      hint = "; /v1 is there twice: clients add it, or the base URL has it, not both";
    } else if (WITHOUT_VERSION.contains(path)) {
      hint = "; /v1%s is, and the base URL of most clients ends in /v1".formatted(path);
    }
    return new HttpError(
        404, "invalid_request_error", "nothing is at " + path + hint, null, "unknown_url");
  }

  /// CONNECT has no path, which the routes below need.
  private static void refuseTunnels(
      FilterChain chain, RoutingRequest request, RoutingResponse response) {
    if (request.prologue().method().equals(Method.CONNECT)) {
      var error =
          new HttpError(
              405, "invalid_request_error", "this is no proxy", null, "method_not_allowed");
      Bodies.send(response, error.closing());
    } else {
      chain.proceed();
    }
  }

  private void get(HttpRouting.Builder routing, Gate.Door door, String path, Exchange exchange) {
    route(routing, Method.GET, door, path, exchange);
  }

  /// What computes something is counted.
  private void post(HttpRouting.Builder routing, String path, Exchange exchange) {
    route(routing, Method.POST, Gate.Door.COUNTED, path, exchange);
  }

  /// Other methods of a known path get 405.
  private void route(
      HttpRouting.Builder routing, Method method, Gate.Door door, String path, Exchange exchange) {
    String name = path.replace(":.+}", "}"); // without what may stand there
    routing.route(method, path, answering(name, door, exchange));
    routing.any(
        path,
        answering(
            name,
            Gate.Door.OPEN,
            (request, response) -> {
              response.header(HeaderNames.ALLOW, method.text());
              throw new HttpError(
                  405,
                  "invalid_request_error",
                  "%s does not take %s, only %s"
                      .formatted(name, request.prologue().method().text(), method.text()),
                  null,
                  "method_not_allowed");
            }));
  }

  private Served served() {
    var now = served;
    if (now == null) {
      throw loading();
    }
    return now;
  }

  private HttpError loading() {
    return HttpError.tryLater(503, "the model is being loaded", config.retryAfter());
  }

  /// A request and its answer.
  private interface Exchange {
    /// @throws HttpError what is answered instead
    void handle(ServerRequest request, ServerResponse response) throws InterruptedException;
  }

  /// Lets requests in, gives each an id and every mistake an answer in OpenAI's form.
  private Handler answering(String route, Gate.Door door, Exchange exchange) {
    Handler handler =
        watching.around(
            route,
            (request, response) -> {
              try {
                if (!gate.preflight(request, response)) {
                  var caller = gate.enter(door, request, response);
                  caller.scope().call(() -> answered(exchange, request, response));
                }
              } catch (HttpError e) {
                RequestWatch.failure(e.kind());
                Bodies.send(response, e);
                if (e.closes()) {
                  throw new CloseConnectionException(
                      "nobody knows where the next request begins", e);
                }
              } catch (CloseConnectionException e) {
                throw e; // the client is gone
              } catch (RuntimeException e) {
                if (e.getClass().getName().startsWith("io.helidon.")) {
                  throw e;
                }
                LOG.log(ERROR, request.path().path() + " failed", e);
                Bodies.send(
                    response, HttpError.failed("internal error; the server's log says more"));
              }
            });
    return (request, response) -> {
      handler.handle(request, response);
      if (request.headers().containsToken(HeaderValues.CONNECTION_CLOSE)) {
        throw new CloseConnectionException("this was the client's last request");
      }
    };
  }

  private static boolean answered(Exchange exchange, ServerRequest request, ServerResponse response)
      throws InterruptedException {
    exchange.handle(request, response);
    return true;
  }

  private void embeddings(ServerRequest request, ServerResponse response)
      throws InterruptedException {
    var now = served();
    now.completions.handle(
        request,
        response,
        (body, limits) -> EmbeddingRequest.read(body, limits, config.pooling()),
        now.embeddings::answer);
  }

  private void models(ServerRequest request, ServerResponse response) {
    var list = JsonNodeFactory.instance.objectNode();
    list.put("object", "list").putArray("data").add(card(served()));
    Bodies.send(response, 200, list);
  }

  private void model(ServerRequest request, ServerResponse response) {
    String id = request.path().pathParameters().get("id");
    var now = served();
    if (!id.equals(now.model.name())) {
      throw CompletionRequest.unknownModel(id, now.model);
    }
    Bodies.send(response, 200, card(now));
  }

  private static ObjectNode card(Served now) {
    return JsonNodeFactory.instance
        .objectNode()
        .put("id", now.model.name())
        .put("object", "model")
        .put("created", now.model.created().getEpochSecond())
        .put("owned_by", "dejavu")
        .put("root", now.model.name())
        .putNull("parent")
        .put("max_model_len", now.engine.maxContext());
  }

  /// Green only if the step loop moves or rests because nothing is to do.
  private void health(ServerRequest request, ServerResponse response) {
    var status = served().engine.status();
    boolean healthy = status.healthy();
    var json = JsonNodeFactory.instance.objectNode();
    json.put("status", healthy ? "ok" : "unhealthy");
    if (!healthy) {
      json.put("problem", status.problem());
      response.header(HeaderNames.RETRY_AFTER, "1");
    }
    json.put("running", status.running())
        .put("waiting", status.waiting())
        .put("kv_blocks_in_use", status.blocksInUse())
        .put("kv_blocks", status.blocks())
        .put("steps", status.steps());
    Bodies.send(response, healthy ? 200 : 503, json);
  }

  private void metrics(ServerRequest request, ServerResponse response) {
    var scrape = telemetry.scrape(request.headers().value(HeaderNames.ACCEPT).orElse(null));
    response.header(HeaderNames.CONTENT_TYPE, scrape.contentType());
    response.send(scrape.body());
  }

  private void stats(ServerRequest request, ServerResponse response) {
    var stats = telemetry.stats().orElseThrow(this::loading);
    response.header(HeaderNames.CACHE_CONTROL, "no-store");
    Bodies.send(response, 200, Json.bytes(json -> LiveStats.write(json, stats)));
  }

  private void version(ServerRequest request, ServerResponse response) {
    Bodies.send(response, 200, JsonNodeFactory.instance.objectNode().put("version", version));
  }
}
