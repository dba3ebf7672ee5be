package io.dejavu.local;

import static io.dejavu.local.Listener.accepted;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.dejavu.backend.cpu.CpuKernels;
import io.dejavu.engine.Engine;
import io.dejavu.engine.EngineConfig;
import io.dejavu.engine.GenerationEvent;
import io.dejavu.engine.GenerationEvent.Finished;
import io.dejavu.engine.GenerationRequest;
import io.dejavu.engine.Pooling;
import io.dejavu.engine.TokenLogprobs;
import io.dejavu.kv.KvConfig;
import io.dejavu.kv.KvTierConfig;
import io.dejavu.tensor.Kernels;
import io.dejavu.tensor.Sampling;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// The step loop on the bundled model: what an application does that generates without HTTP.
@Timeout(120)
class LocalPipelineTest {
  private static Kernels kernels;

  @BeforeAll
  static void openKernels() {
    kernels = CpuKernels.open(CpuKernels.AUTO, 2);
  }

  @AfterAll
  static void closeKernels() {
    kernels.close();
  }

  @Test
  void requestsTogetherGetTheTokensAndLogprobsThatTheyGetAlone() throws InterruptedException {
    var requests = new ArrayList<GenerationRequest>();
    for (int i = 0; i < 24; i++) {
      requests.add(randomRequest(new SplittableRandom(i)));
    }

    var alone = new ArrayList<List<String>>();
    try (var loop = open(new EngineConfig(512, 1, 100, 0), KvConfig.DEFAULT)) {
      for (var request : requests) {
        var listener = new Listener();
        accepted(loop.submit(request, listener));
        assertThat(listener.end()).isInstanceOf(Finished.class);
        alone.add(shown(listener.events()));
      }
    }

    // Many in a step, prompts in small chunks, not enough memory for all at once.
    try (var loop = open(new EngineConfig(48, 16, 100, 0), KvConfig.DEFAULT.withBytes(32 << 20))) {
      var listeners = new ArrayList<Listener>();
      for (var request : requests) {
        listeners.add(new Listener());
        accepted(loop.submit(request, listeners.getLast()));
      }
      for (int i = 0; i < requests.size(); i++) {
        listeners.get(i).end();
        assertThat(shown(listeners.get(i).events())).as("request %d", i).isEqualTo(alone.get(i));
      }
      assertThat(loop.status().blocksInUse()).isZero();
      assertThat(loop.status().healthy()).isTrue();
    }
  }

  @Test
  void promptsThatBeginAlikeGetTheTokensAndLogprobsThatTheyGetWithoutTheCache()
      throws InterruptedException {
    var random = new SplittableRandom(7);
    var beginning = random.ints(120, 4, 2048).toArray();
    var requests = new ArrayList<GenerationRequest>();
    for (int i = 0; i < 12; i++) {
      var like = randomRequest(random);
      var prompt = Arrays.copyOf(beginning, 30 + random.nextInt(120));
      for (int j = Math.min(prompt.length - 1, 20 + 10 * i); j < prompt.length; j++) {
        prompt[j] = 4 + random.nextInt(2000);
      }
      requests.add(
          GenerationRequest.of("r", prompt, like.sampling(), like.seed(), 24)
              .withLogprobs(2)
              .withPromptLogprobs(i == 5 ? 1 : -1));
    }
    requests.add(requests.getFirst()); // All of its full blocks but the last are there.
    var config = new EngineConfig(48, 8, 100, 0);

    var without = generate(requests, config, KvConfig.DEFAULT.withPrefixCache(false), 1);
    var with = generate(requests, config, KvConfig.DEFAULT, 1);
    var together = generate(requests, config, KvConfig.DEFAULT, requests.size());

    assertThat(with.shown).isEqualTo(without.shown);
    assertThat(together.shown).isEqualTo(without.shown);
    assertThat(without.totals.prefixHits()).isZero();
    assertThat(with.totals.prefixHits()).isGreaterThan(300).isEqualTo(with.cachedTokens);
    assertThat(together.totals.prefixHits()).isGreaterThan(300);
  }

  @Test
  void generatedTokensAreInTheCacheToo() throws InterruptedException {
    var first = GenerationRequest.of("r", ids(20), Sampling.GREEDY, 1, 40);
    try (var loop = open(new EngineConfig(48, 8, 100, 0), KvConfig.DEFAULT)) {
      var prompt = new ArrayList<Integer>();
      Arrays.stream(first.prompt()).forEach(prompt::add);
      var listener = new Listener();
      accepted(loop.submit(first, listener));
      listener.end();
      listener.events().stream()
          .flatMap(
              event ->
                  event instanceof GenerationEvent.Token(_, var id, _)
                      ? Stream.of(id)
                      : Stream.empty())
          .forEach(prompt::add);
      assertThat(prompt).hasSize(60);
      var again = new Listener();
      accepted(
          loop.submit(
              GenerationRequest.of(
                  "r", prompt.stream().mapToInt(i -> i).toArray(), Sampling.GREEDY, 1, 1),
              again));

      assertThat(((Finished) again.end()).cachedTokens()).isEqualTo(48);
    }
  }

  @Test
  void preemptedSequencesGetTheTokensThatTheyGetUndisturbed() throws InterruptedException {
    var requests = new ArrayList<GenerationRequest>();
    for (int i = 0; i < 20; i++) { // Short answers, from which too much is expected of the next.
      requests.add(GenerationRequest.of("short", ids(24 + i), Sampling.GREEDY, i, 1));
    }
    for (int i = 0; i < 12; i++) {
      var like = randomRequest(new SplittableRandom(i));
      requests.add(
          GenerationRequest.of(
                  "long", Arrays.copyOf(ids(40 + i), 16), like.sampling(), like.seed(), 60)
              .withLogprobs(1));
    }
    var config = new EngineConfig(64, 12, 100, 100);
    var tiny = KvConfig.DEFAULT.withBytes(24L * blockBytes());

    var alone = generate(requests, config, KvConfig.DEFAULT, 1);
    var swapped =
        generate(requests, config, tiny, requests.size(), LocalPipelineTest::swappingIsCheaper);
    var recomputed = generate(requests, config, tiny.withSwapBytes(0), requests.size());
    var host = new KvTierConfig(1L << 30, null, 1L << 30);
    var loaded =
        generate(
            requests,
            config,
            tiny.withSwapBytes(0).withTiers(host),
            requests.size(),
            LocalPipelineTest::swappingIsCheaper);

    assertThat(loaded.shown).isEqualTo(alone.shown);
    assertThat(loaded.totals.swaps()).isZero();
    assertThat(loaded.totals.recomputes()).isPositive();
    // No two prompts begin alike: only those that lost their place find something there.
    assertThat(loaded.totals.tiers().host().hits()).isPositive();
    assertThat(swapped.shown).isEqualTo(alone.shown);
    assertThat(recomputed.shown).isEqualTo(alone.shown);
    assertThat(alone.totals.swaps() + alone.totals.recomputes()).isZero();
    assertThat(swapped.totals.swaps()).isPositive();
    assertThat(recomputed.totals.recomputes()).isPositive();
    assertThat(recomputed.totals.swaps()).isZero();
  }

  @Test
  void theLengthOfStepsIsMeasuredAfterTheFirstOnesAndChangesNoToken() throws InterruptedException {
    var requests = List.of(randomRequest(new SplittableRandom(3)));
    var config = new EngineConfig(256, 8, 100, 0);
    var expected = generate(requests, config, KvConfig.DEFAULT, 1);

    try (var loop = open(config, KvConfig.DEFAULT, StepLoopConfig.DEFAULT.withMeasuredSteps())) {
      for (int i = 0; i < 20; i++) {
        var listener = new Listener();
        accepted(loop.submit(requests.getFirst(), listener));
        listener.end();
        assertThat(shown(listener.events())).isEqualTo(expected.shown.getFirst());
        Thread.sleep(20); // long enough for a measurement, whose result nobody sees
      }
      assertThat(loop.status().problem()).isEmpty();
    }
  }

  private static StepLoop.Computer swappingIsCheaper(LocalPipeline pipeline) {
    return new SlowPrompts(pipeline, _ -> 40_000_000);
  }

  private record Run(List<List<String>> shown, int cachedTokens, Engine.Totals totals) {}

  /// What all requests get, so many of them at a time.
  private static Run generate(
      List<GenerationRequest> requests, EngineConfig config, KvConfig kvConfig, int together)
      throws InterruptedException {
    return generate(requests, config, kvConfig, together, pipeline -> pipeline);
  }

  private static Run generate(
      List<GenerationRequest> requests,
      EngineConfig config,
      KvConfig kvConfig,
      int together,
      Function<LocalPipeline, StepLoop.Computer> computer)
      throws InterruptedException {
    var shown = new ArrayList<List<String>>();
    int cached = 0;
    try (var loop = open(config, kvConfig, StepLoopConfig.DEFAULT, computer)) {
      for (int begin = 0; begin < requests.size(); begin += together) {
        var listeners = new ArrayList<Listener>();
        for (var request : requests.subList(begin, Math.min(requests.size(), begin + together))) {
          listeners.add(new Listener());
          accepted(loop.submit(request, listeners.getLast()));
        }
        for (var listener : listeners) {
          cached += ((Finished) listener.end()).cachedTokens();
          shown.add(shown(listener.events()));
        }
      }
      assertThat(loop.status().blocksInUse()).isZero();
      assertThat(loop.status().blocksLeaked()).isZero();
      return new Run(shown, cached, loop.status().totals());
    }
  }

  private static long blockBytes() {
    try (var loop = open(EngineConfig.DEFAULT, KvConfig.DEFAULT.withBytes(64L << 20))) {
      return (64L << 20) / loop.status().blocks();
    }
  }

  private static int[] ids(int first) {
    return IntStream.range(first, first + 20).map(i -> 4 + i * 37 % 2000).toArray();
  }

  @Test
  void theContextIsWhatTheModelOrTheMemoryAllows() {
    try (var loop = open(EngineConfig.DEFAULT, KvConfig.DEFAULT)) {
      assertThat(loop.maxContext()).isEqualTo(1024);
      assertThat(loop.status().blocks()).isEqualTo(16 * 64);
    }
    try (var loop = open(EngineConfig.DEFAULT, KvConfig.DEFAULT.withBytes(1 << 20))) {
      assertThat(loop.maxContext()).isEqualTo(loop.status().blocks() * 16).isLessThan(1024);
    }
  }

  @Test
  void aContextThatDoesNotFitIsRefused() {
    assertThatThrownBy(() -> open(new EngineConfig(256, 64, 9, 2000), KvConfig.DEFAULT))
        .hasMessage("a context of 2000 tokens, the model has 1024 positions");
    assertThatThrownBy(
            () -> open(new EngineConfig(256, 64, 9, 1000), KvConfig.DEFAULT.withBytes(1 << 20)))
        .hasMessageContaining("a context of 1000 tokens, ");
    assertThatThrownBy(() -> open(new EngineConfig(1024, 64, 9, 0), KvConfig.DEFAULT))
        .hasMessage("steps of 1024 tokens, the model was loaded for 512");
  }

  private static StepLoop open(EngineConfig engineConfig, KvConfig kvConfig) {
    return open(engineConfig, kvConfig, StepLoopConfig.DEFAULT);
  }

  private static StepLoop open(
      EngineConfig engineConfig, KvConfig kvConfig, StepLoopConfig loopConfig) {
    return open(engineConfig, kvConfig, loopConfig, pipeline -> pipeline);
  }

  private static StepLoop open(
      EngineConfig engineConfig,
      KvConfig kvConfig,
      StepLoopConfig loopConfig,
      Function<LocalPipeline, StepLoop.Computer> computer) {
    return BundledLoop.open(kernels, engineConfig, kvConfig, loopConfig, "", computer);
  }

  private static GenerationRequest randomRequest(SplittableRandom random) {
    var sampling =
        random.nextBoolean()
            ? Sampling.GREEDY
            : new Sampling(1, random.nextInt(50), 0.95f, 0, 1.1f, 0.1f, 0.1f, Map.of());
    int prompt = 1 + random.nextInt(random.nextInt(200) + 1);
    if (random.nextInt(4) == 0) {
      return GenerationRequest.of("e", random.ints(prompt, 4, 2048).toArray(), sampling, 0, 0)
          .withEmbed(random.nextBoolean() ? Pooling.MEAN : Pooling.LAST);
    }
    return GenerationRequest.of(
            "r",
            random.ints(prompt, 4, 2048).toArray(),
            sampling,
            random.nextLong(),
            1 + random.nextInt(24))
        .withStopTokens(Set.of(2))
        .withLogprobs(random.nextInt(6) - 1)
        .withPromptLogprobs(random.nextInt(3) == 0 ? 2 : -1);
  }

  /// All that a client sees, to the bit.
  private static List<String> shown(List<GenerationEvent> events) {
    return events.stream()
        .map(
            event ->
                switch (event) {
                  case GenerationEvent.Prompt(var logprobs) ->
                      logprobs.stream().map(LocalPipelineTest::shown).toList().toString();
                  case GenerationEvent.Token(var position, var id, var logprobs) ->
                      position + ": " + id + (logprobs == null ? "" : shown(logprobs));
                  case GenerationEvent.Embedded(var vector) -> Arrays.toString(vector);
                  case GenerationEvent.Finished(var reason, var prompt, var generated, _) ->
                      "%s after %d and %d".formatted(reason, prompt, generated);
                  case GenerationEvent.Failed _ -> event.toString();
                })
        .toList();
  }

  private static String shown(TokenLogprobs logprobs) {
    var shown = new StringBuilder();
    shown.append(Float.floatToRawIntBits(logprobs.logprob())).append(' ').append(logprobs.rank());
    for (int i = 0; i < logprobs.topIds().length; i++) {
      shown
          .append(' ')
          .append(logprobs.topIds()[i])
          .append('=')
          .append(Float.floatToRawIntBits(logprobs.topLogprobs()[i]));
    }
    return shown.toString();
  }
}
