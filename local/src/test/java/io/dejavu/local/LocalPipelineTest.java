package io.dejavu.local;

import static io.dejavu.local.Listener.accepted;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.dejavu.backend.cpu.CpuKernels;
import io.dejavu.engine.EngineConfig;
import io.dejavu.engine.EngineObserver;
import io.dejavu.engine.GenerationEvent;
import io.dejavu.engine.GenerationEvent.Finished;
import io.dejavu.engine.GenerationRequest;
import io.dejavu.engine.TokenLogprobs;
import io.dejavu.kv.KvConfig;
import io.dejavu.model.Architectures;
import io.dejavu.model.Checkpoint;
import io.dejavu.model.Executor;
import io.dejavu.model.LoadProgress;
import io.dejavu.model.Precision;
import io.dejavu.model.StepLimits;
import io.dejavu.tensor.Kernels;
import io.dejavu.tensor.Sampling;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
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
    var checkpoint = Checkpoint.of(Path.of("../models/shakespeare-opt-7m"));
    try (var weights = checkpoint.openWeights()) {
      var executor =
          Executor.load(
              weights,
              Architectures.of(checkpoint.config()),
              kernels,
              Precision.AUTO,
              new StepLimits(512, 20),
              LoadProgress.SILENT);
      var pipeline = LocalPipeline.open(executor, kernels.device(), engineConfig, kvConfig);
      return StepLoop.open(pipeline, engineConfig, StepLoopConfig.DEFAULT, EngineObserver.NONE);
    }
  }

  private static GenerationRequest randomRequest(SplittableRandom random) {
    var sampling =
        random.nextBoolean()
            ? Sampling.GREEDY
            : new Sampling(1, random.nextInt(50), 0.95f, 0, 1.1f, 0.1f, 0.1f, Map.of());
    int prompt = 1 + random.nextInt(random.nextInt(200) + 1);
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
                  case GenerationEvent.Finished _, GenerationEvent.Failed _ -> event.toString();
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
