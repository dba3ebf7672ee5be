package io.dejavu.api;

import static java.lang.System.Logger.Level.DEBUG;

import io.dejavu.engine.Engine;
import io.helidon.webserver.CloseConnectionException;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.time.InstantSource;
import java.util.HexFormat;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.random.RandomGenerator;
import tools.jackson.databind.node.ObjectNode;

/// `POST /v1/completions`. Each request has a virtual thread, which hands sequences to the engine,
/// waits for their tokens and writes the answer; nothing else touches a request.
final class Completions {
  private static final System.Logger LOG = System.getLogger(Completions.class.getName());

  private final Engine engine;
  private final ServedModel model;
  private final ApiConfig config;
  private final InstantSource clock;
  private final RandomGenerator random;
  private final Set<Arrivals> underWay = ConcurrentHashMap.newKeySet();
  private volatile boolean stopping;

  /// @param random thread-safe; makes ids, and seeds for requests without one
  Completions(
      Engine engine,
      ServedModel model,
      ApiConfig config,
      InstantSource clock,
      RandomGenerator random) {
    this.engine = engine;
    this.model = model;
    this.config = config;
    this.clock = clock;
    this.random = random;
  }

  void handle(ServerRequest http, ServerResponse response) throws InterruptedException {
    byte[] body = Bodies.read(http);
    var arrivals = new Arrivals(config.requestDeadline());
    ClientConnection.current().computing(() -> arrivals.add(new Arrivals.Arrival.ClientGone()));
    underWay.add(arrivals);
    try {
      admit();
      complete(Json.object(body), arrivals, response);
    } finally {
      underWay.remove(arrivals);
      ClientConnection.current().answered();
    }
  }

  /// Refuses new requests from now on.
  void drain() {
    stopping = true;
  }

  /// Requests under way.
  int underWay() {
    return underWay.size();
  }

  /// Ends what is under way, with an error that says why.
  void abandon(String why) {
    var error = HttpError.tryLater(503, why, config.retryAfter());
    underWay.forEach(arrivals -> arrivals.add(new Arrivals.Arrival.GiveUp(error)));
  }

  private void admit() {
    if (stopping) {
      throw HttpError.tryLater(503, "the server is stopping", config.retryAfter());
    }
    if (underWay.size() > config.requests()) {
      throw HttpError.tryLater(
          429, "%d requests are under way".formatted(config.requests()), config.retryAfter());
    }
    var status = engine.status();
    if (!status.healthy()) {
      throw HttpError.tryLater(
          503, "the engine is not healthy: " + status.problem(), config.retryAfter());
    }
  }

  private void complete(ObjectNode body, Arrivals arrivals, ServerResponse response)
      throws InterruptedException {
    var request =
        CompletionRequest.of(
            body, model, engine.maxContext(), config.sequences(), random::nextLong);
    String id = "cmpl-" + HexFormat.of().toHexDigits(random.nextLong());
    long created = clock.instant().getEpochSecond();
    try (var completion = new Completion(id, request, model, created, arrivals)) {
      completion.start(engine, config);
      advance(completion); // before anything is sent: what fails at once gets a proper status
      if (request.stream()) {
        stream(completion, request.usage(), new EventStream(response));
      } else {
        while (!completion.ended()) {
          advance(completion);
        }
        Bodies.send(response, 200, completion.answer());
      }
      LOG.log(
          DEBUG,
          "{0}: {1} prompt tokens, {2} generated",
          id,
          completion.promptTokens(),
          completion.generatedTokens());
    }
  }

  private static void stream(Completion completion, boolean usage, EventStream events)
      throws InterruptedException {
    try {
      completion.chunks().forEach(events::send);
      while (!completion.ended()) {
        events.flush();
        advance(completion);
        completion.chunks().forEach(events::send);
      }
      if (usage) {
        events.send(completion.usageChunk());
      }
    } catch (HttpError e) {
      events.send(e.body()); // the status is sent already
    }
    events.done();
  }

  private static void advance(Completion completion) throws InterruptedException {
    if (!completion.advance()) {
      throw new CloseConnectionException("the client has left");
    }
  }
}
