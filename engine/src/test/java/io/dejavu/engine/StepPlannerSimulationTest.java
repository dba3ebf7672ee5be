package io.dejavu.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.kv.BlockPool;
import io.dejavu.tensor.Sampling;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/// The planner under random loads, cancellations, NaNs and failing steps. A failure names the seed
/// and the last events.
class StepPlannerSimulationTest {
  private static final int SEEDS = 400;
  private static final int VOCABULARY = 30;

  @Test
  void whateverComesEveryRequestEndsWithItsOwnTokensAndNoBlockIsLost() {
    int requests = 0;
    for (long seed = 0; seed < SEEDS; seed++) {
      var simulation = new Simulation(seed);
      try {
        requests += simulation.run();
      } catch (RuntimeException | AssertionError e) {
        throw new AssertionError(
            "seed %d, the last events:%n%s".formatted(seed, simulation.history()), e);
      }
    }
    assertThat(requests).isGreaterThan(10_000);
  }

  private static final class Simulation {
    private final SplittableRandom random;
    private final Deque<String> history = new ArrayDeque<>();
    private final int blockTokens;
    private final EngineConfig config;
    private final Admission admission;
    private final BlockPool pool;
    private final StepPlanner planner;
    private final PretendModel model;
    private final Map<Long, Client> clients = new HashMap<>();
    private final boolean stepsFail;
    private final boolean clientsLeave;
    private long submitted;
    private long lastAdmitted;

    Simulation(long seed) {
      random = new SplittableRandom(seed);
      blockTokens = 1 << random.nextInt(5);
      int maxRunning = 1 + random.nextInt(20);
      config = new EngineConfig(maxRunning + random.nextInt(60), maxRunning, 1000, 0);
      admission = new Admission(VOCABULARY, 2 + random.nextInt(120), 4);
      int least = Math.ceilDiv(admission.maxContext(), blockTokens);
      pool = new BlockPool(least + random.nextInt(6 * least));
      planner = new StepPlanner(config, admission, pool, blockTokens);
      model = new PretendModel(VOCABULARY, pool.blocks() * blockTokens);
      stepsFail = random.nextInt(3) == 0;
      clientsLeave = random.nextInt(3) > 0;
    }

    int run() {
      int wanted = 10 + random.nextInt(50);
      while (submitted < wanted || clients.values().stream().anyMatch(client -> !client.ended)) {
        for (int i = random.nextInt(4); i > 0 && submitted < wanted; i--) {
          submit();
        }
        cancelSome();
        var commands = planner.on(new StepEvent.Ready());
        if (commands.isEmpty()) {
          assertThat(planner.running() + planner.waiting()).isZero();
        } else {
          assertThat(commands).hasSize(1);
          step(((StepCommand.RunStep) commands.getFirst()).plan());
        }
        pool.check();
        assertThat(planner.blocksLeaked()).isZero();
        assertThat(planner.running()).isLessThanOrEqualTo(config.maxRunning());
      }
      assertThat(pool.inUse()).isZero();
      clients.values().forEach(Client::checkEnd);
      // Every step computes something that is needed: no request starves, none is computed twice.
      long work =
          clients.values().stream()
              .mapToLong(client -> client.request.prompt().length + client.request.maxTokens())
              .sum();
      assertThat(planner.steps()).isLessThanOrEqualTo(work);
      return wanted;
    }

    private void submit() {
      var request = randomRequest();
      long number = ++submitted;
      note("submit " + number + ": " + request);
      clients.put(number, new Client(request));
      assertThat(planner.on(new StepEvent.Submitted(number, request))).isEmpty();
    }

    private GenerationRequest randomRequest() {
      int maxTokens = random.nextInt(4) == 0 ? random.nextInt(3) : random.nextInt(150);
      int room = admission.maxContext() - (maxTokens > 0 ? 1 : 0);
      int prompt = 1 + random.nextInt(random.nextInt(room) + 1);
      var stops = new HashSet<Integer>();
      for (int i = random.nextInt(3); i > 0; i--) {
        stops.add(random.nextInt(VOCABULARY));
      }
      return GenerationRequest.of(
              "r" + submitted,
              random.ints(prompt, 0, VOCABULARY).toArray(),
              Sampling.GREEDY,
              random.nextLong(),
              maxTokens)
          .withMinTokens(random.nextInt(maxTokens + 1))
          .withStopTokens(stops)
          .withLogprobs(random.nextInt(6) - 1 < 0 ? -1 : random.nextInt(4))
          .withPromptLogprobs(random.nextInt(5) - 4 < 0 ? -1 : random.nextInt(4));
    }

    private void cancelSome() {
      while (clientsLeave && submitted > 0 && random.nextInt(8) == 0) {
        // It may have ended before.
        long number = 1 + random.nextLong(submitted);
        note("cancel " + number);
        var client = clients.get(number);
        client.left = true;
        tell(planner.on(new StepEvent.Cancelled(number)));
        assertThat(client.ended).isTrue();
      }
    }

    private void step(StepPlan plan) {
      note(
          "step "
              + plan.number()
              + ": "
              + plan.chunks().stream().map(StepPlan.Chunk::sequence).toList());
      assertThat(plan.tokens()).isBetween(1, config.stepTokens());
      var blocks = new HashSet<Integer>();
      for (var chunk : plan.chunks()) {
        var client = clients.get(chunk.sequence());
        assertThat(client.ended).isFalse();
        assertThat(chunk.start()).isEqualTo(client.computed);
        assertThat(chunk.blocks().tokens())
            .isGreaterThanOrEqualTo(chunk.start() + chunk.tokens().length);
        assertThat(pool.ownedBy(chunk.sequence())).containsExactly(chunk.blocks().blocks());
        for (int block : chunk.blocks().blocks()) {
          assertThat(blocks.add(block)).isTrue();
        }
        if (chunk.start() == 0) {
          assertThat(chunk.sequence()).isGreaterThan(lastAdmitted);
          lastAdmitted = chunk.sequence();
        }
      }
      if (stepsFail && random.nextInt(40) == 0) {
        note("it fails");
        plan.chunks().forEach(chunk -> clients.get(chunk.sequence()).broken = true);
        cancelSome();
        tell(planner.on(new StepEvent.StepFailed("broken")));
        return;
      }
      var results = model.run(plan);
      cancelSome();
      plan.chunks()
          .forEach(chunk -> clients.get(chunk.sequence()).computed += chunk.tokens().length);
      tell(planner.on(new StepEvent.StepDone(results)));
    }

    private void tell(List<StepCommand> commands) {
      for (var command : commands) {
        var emit = (StepCommand.Emit) command;
        note("emit " + emit);
        clients.get(emit.sequence()).on(emit.event());
      }
    }

    private void note(String event) {
      history.addLast(event);
      if (history.size() > 50) {
        history.removeFirst();
      }
    }

    String history() {
      return String.join("\n", history);
    }

    private final class Client {
      final GenerationRequest request;
      final List<Integer> tokens = new ArrayList<>();
      int computed;
      boolean left;
      boolean broken;
      boolean ended;
      private boolean hasPrompt;
      private GenerationEvent last;

      Client(GenerationRequest request) {
        this.request = request;
      }

      void on(GenerationEvent event) {
        assertThat(ended).isFalse();
        last = event;
        switch (event) {
          case GenerationEvent.Prompt(var logprobs) -> {
            assertThat(hasPrompt).isFalse();
            assertThat(tokens).isEmpty();
            assertThat(logprobs).hasSize(request.prompt().length - 1);
            hasPrompt = true;
          }
          case GenerationEvent.Token(var position, var id, var logprobs) -> {
            assertThat(position).isEqualTo(request.prompt().length + tokens.size());
            assertThat(hasPrompt).isEqualTo(request.promptLogprobs() >= 0);
            assertThat(logprobs == null).isEqualTo(request.logprobs() < 0);
            tokens.add(id);
          }
          case GenerationEvent.Finished finished -> {
            assertThat(finished.promptTokens()).isEqualTo(request.prompt().length);
            assertThat(finished.generatedTokens()).isEqualTo(tokens.size());
            ended = true;
          }
          case GenerationEvent.Failed _ -> ended = true;
        }
      }

      void checkEnd() {
        var expected = model.expected(request, admission.maxContext());
        assertThat(expected.subList(0, tokens.size())).isEqualTo(tokens);
        switch (last) {
          case GenerationEvent.Finished(var reason, _, _, _) -> {
            switch (reason) {
              case CANCELLED -> assertThat(left).isTrue();
              case STOP -> {
                assertThat(request.stopTokens()).contains(tokens.getLast());
                assertThat(tokens).isEqualTo(expected);
                assertThat(tokens.size()).isGreaterThan(request.minTokens());
              }
              case LENGTH -> {
                assertThat(tokens).isEqualTo(expected);
                assertThat(tokens.size())
                    .isEqualTo(
                        Math.min(
                            request.maxTokens(), admission.maxContext() - request.prompt().length));
              }
            }
          }
          case GenerationEvent.Failed(var why) -> {
            if (!why.equals("broken")) {
              assertThat(why).contains("NaN");
              assertThat(tokens).isEqualTo(expected);
              assertThat(tokens.size()).isLessThan(request.maxTokens());
            } else {
              assertThat(broken).isTrue();
            }
          }
          case GenerationEvent.Prompt _, GenerationEvent.Token _ ->
              throw new AssertionError("ended with " + last);
        }
      }
    }
  }
}
