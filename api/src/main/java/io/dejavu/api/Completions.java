package io.dejavu.api;

import static java.lang.System.Logger.Level.DEBUG;

import io.dejavu.observe.RequestWatch;
import io.helidon.webserver.CloseConnectionException;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.time.Duration;
import java.time.InstantSource;
import java.util.HexFormat;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import tools.jackson.databind.node.ObjectNode;

/// What `POST /v1/completions` and `/v1/chat/completions` have in common. Each request has a
/// virtual thread, which hands sequences to the engine, waits for their tokens and writes the
/// answer; nothing else touches a request.
final class Completions implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(Completions.class.getName());

  /// Bytes of a body that never waits for memory.
  private static final long SMALL = 64 << 10;

  /// So many bodies of the largest size are read and parsed at once. As JSON in memory, each takes
  /// up to about a dozen times its length.
  private static final int LARGE = 8;

  /// How long a large body waits for others to be read and parsed.
  private static final Duration LARGE_WAIT = Duration.ofSeconds(5);

  private final TenantEngine engine;
  private final ServedModel model;
  private final ApiConfig config;
  private final InstantSource clock;
  private final RandomGenerator random;
  private final Set<Arrivals> underWay = ConcurrentHashMap.newKeySet();

  /// KiB of large bodies that may be read and parsed now, first come, first served.
  private final Semaphore large;

  private final Tokenizing tokenizing;
  private final AnswerGrammars grammars;
  private volatile boolean stopping;

  /// @param random thread-safe; makes ids, and seeds for requests without one
  Completions(
      TenantEngine engine,
      ServedModel model,
      ApiConfig config,
      InstantSource clock,
      RandomGenerator random) {
    this.engine = engine;
    this.model = model;
    this.config = config;
    this.clock = clock;
    this.random = random;
    this.large = new Semaphore(LARGE * kib(config.bodyBytes()), true);
    this.tokenizing = new Tokenizing(config);
    this.grammars = new AnswerGrammars(model);
  }

  /// @param reader of the endpoint's requests
  void handle(ServerRequest http, ServerResponse response, CompletionRequest.Reader reader)
      throws InterruptedException {
    handle(http, response, reader::read, this::complete);
  }

  /// How the body of any endpoint is read.
  interface BodyReader<R> {
    /// @throws HttpError with what the client has to change
    R read(ObjectNode body, CompletionRequest.Limits limits) throws InterruptedException;
  }

  /// What answers a request that was read.
  interface Work<R> {
    /// @throws HttpError what is answered instead
    void answer(R request, Arrivals arrivals, ServerResponse response) throws InterruptedException;
  }

  /// Admits a request, reads it and has it answered.
  <R> void handle(ServerRequest http, ServerResponse response, BodyReader<R> reader, Work<R> work)
      throws InterruptedException {
    var arrivals = new Arrivals(config.requestDeadline());
    underWay.add(arrivals);
    try {
      admit(); // before anything is read
      work.answer(request(http, arrivals, reader), arrivals, response);
    } finally {
      underWay.remove(arrivals);
      ClientConnection.current().answered();
    }
  }

  /// Reads and checks a request; a large one waits until there is memory for it.
  private <R> R request(ServerRequest http, Arrivals arrivals, BodyReader<R> reader)
      throws InterruptedException {
    long bytes = http.headers().contentLength().orElse(config.bodyBytes()); // unknown: the most
    int memory = bytes <= SMALL ? 0 : kib(Math.min(bytes, config.bodyBytes()));
    if (!large.tryAcquire(memory, LARGE_WAIT.toNanos(), TimeUnit.NANOSECONDS)) {
      throw HttpError.tryLater(429, "too many large requests arrive at once", config.retryAfter());
    }
    try {
      byte[] body = Bodies.read(http);
      ClientConnection.current()
          .computing(
              () -> arrivals.add(new Arrivals.Arrival.ClientGone()),
              arrivals.nanosLeft(),
              () -> arrivals.add(new Arrivals.Arrival.GiveUp(arrivals.late())));
      return reader.read(
          Json.object(body),
          new CompletionRequest.Limits(
              model,
              engine.maxContext(),
              config.sequences(),
              (tokenizer, text, specialTokens) ->
                  tokenizing.encode(tokenizer, text, specialTokens, arrivals),
              random::nextLong,
              grammars));
    } finally {
      large.release(memory);
    }
  }

  private static int kib(long bytes) {
    return Math.toIntExact(Math.ceilDiv(bytes, 1024L));
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

  /// Ends the threads that are kept for requests.
  @Override
  public void close() {
    tokenizing.close();
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

  private void complete(CompletionRequest request, Arrivals arrivals, ServerResponse response)
      throws InterruptedException {
    String id = request.form().idPrefix() + HexFormat.of().toHexDigits(random.nextLong());
    long created = clock.instant().getEpochSecond();
    try (var completion = new Completion(id, request, model, created, arrivals)) {
      completion.start(engine);
      advance(completion); // before anything is sent: what fails at once gets a proper status
      if (request.stream()) {
        stream(completion, request.usage(), new EventStream(response));
      } else {
        if (!request.stopping().watchesText()) {
          arrivals.awaitEnds();
        }
        while (!completion.ended()) {
          advance(completion);
        }
        Bodies.send(response, 200, Json.bytes(completion::answer));
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
      completion.chunks(events);
      while (!completion.ended()) {
        events.flush();
        advance(completion);
        completion.chunks(events);
      }
      if (usage) {
        events.send(completion::usageChunk);
      }
    } catch (HttpError e) {
      RequestWatch.failure(e.message());
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
