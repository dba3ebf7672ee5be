package io.dejavu.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.kv.BlockHash;
import io.dejavu.kv.BlockPool;
import io.dejavu.tensor.Sampling;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/// The planner under random loads of several tenants, with shared prompts, priorities,
/// cancellations, NaNs, failing steps, poisonous requests, too little memory, failing swaps, tiers
/// behind the cache that are slow, full and forgetful, and planners that die while their memory
/// outlives them. A failure names the seed and the last events.
class StepPlannerSimulationTest {
  // More of them: CONTRIBUTING.md says how.
  private static final int SEEDS = Integer.getInteger("dejavu.simulation.seeds", 200);
  private static final long FIRST_SEED = Long.getLong("dejavu.simulation.first", 0);
  private static final int VOCABULARY = 30;

  @Test
  void whateverComesEveryRequestEndsWithItsOwnTokensAndNoBlockIsLost() {
    int requests = 0;
    long hits = 0;
    long swaps = 0;
    long recomputes = 0;
    long adoptions = 0;
    long tierHits = 0;
    for (long seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
      var simulation = new Simulation(seed);
      try {
        requests += simulation.run();
      } catch (RuntimeException | AssertionError e) {
        throw new AssertionError(
            "seed %d, the last events:%n%s".formatted(seed, simulation.history()), e);
      }
      simulation.count();
      hits += simulation.hits;
      swaps += simulation.swaps;
      recomputes += simulation.recomputes;
      adoptions += simulation.adoptions;
      tierHits += simulation.tierHits;
    }
    assertThat(requests).isGreaterThan(20 * SEEDS);
    // What is to be tested does happen.
    assertThat(hits).isGreaterThan(10L * SEEDS);
    assertThat(swaps).isGreaterThan(SEEDS / 10);
    assertThat(recomputes).isGreaterThan(SEEDS / 10);
    assertThat(adoptions).isGreaterThan(SEEDS / 2);
    assertThat(tierHits).isGreaterThan(SEEDS / 2);
  }

  private static final class Simulation {
    private final SplittableRandom random;
    private final Deque<String> history = new ArrayDeque<>();
    private final int blockTokens;
    private final EngineConfig config;
    private final SchedulingConfig scheduling;
    private final Admission admission;
    private BlockPool pool;
    private StepPlanner planner;
    private final PretendModel model;
    private final Map<Long, Client> clients = new HashMap<>();
    private final Map<Long, long[]> host = new HashMap<>();
    private final Map<Integer, Stored> hostTier = new HashMap<>();
    private final Map<Integer, Stored> disk = new HashMap<>();
    // Under way: done at any later time.
    private final List<Runnable> copies = new ArrayList<>();
    private boolean diskIsKnown;
    private final boolean tiersFail;
    private final List<int[]> beginnings = new ArrayList<>();
    private final boolean stepsFail;
    private final boolean swapsFail;
    private final boolean clientsLeave;
    // Those that come first are short: what is predicted from them is wrong later.
    private final boolean answersGrow;
    private final boolean plannersDie;
    private long submitted;
    private long lostTokens;
    private long failures;
    private long steps;
    long hits;
    long swaps;
    long recomputes;
    long adoptions;
    long tierHits;

    Simulation(long seed) {
      random = new SplittableRandom(seed);
      blockTokens = 1 << random.nextInt(5);
      int maxRunning = 1 + random.nextInt(20);
      config = new EngineConfig(maxRunning + random.nextInt(60), maxRunning, 1000, 0);
      admission = new Admission(VOCABULARY, 2 + random.nextInt(120), 4);
      int least = Math.ceilDiv(admission.maxContext(), blockTokens);
      pool = new BlockPool(least + random.nextInt(random.nextInt(5 * least) + 1));
      scheduling =
          SchedulingConfig.of(blockTokens)
              .withSwap(random.nextInt(3 * least), 10L * blockTokens)
              .withTiers(randomTiers(least))
              .withPrefixCache(random.nextInt(4) > 0);
      planner = new StepPlanner(config, admission, pool, scheduling);
      model = new PretendModel(VOCABULARY, pool.blocks() * blockTokens);
      stepsFail = random.nextInt(3) == 0;
      swapsFail = random.nextInt(3) == 0;
      clientsLeave = random.nextInt(3) > 0;
      answersGrow = random.nextInt(3) > 0;
      plannersDie = random.nextInt(4) == 0;
      tiersFail = random.nextInt(3) == 0;
      for (int i = 0; i < 2; i++) {
        beginnings.add(random.ints(admission.maxContext(), 0, VOCABULARY).toArray());
      }
    }

    private TierConfig randomTiers(int least) {
      if (random.nextInt(3) == 0) {
        return TierConfig.NONE;
      }
      return new TierConfig(
          random.nextInt(3) * random.nextInt(3 * least),
          random.nextInt(3) * random.nextInt(5 * least),
          1 + random.nextInt(5),
          1 + random.nextInt(3));
    }

    /// What a slot of a tier holds.
    private record Stored(BlockHash content, long[] entries) {}

    int run() {
      int wanted = 10 + random.nextInt(answersGrow ? 90 : 40);
      while (submitted < wanted || clients.values().stream().anyMatch(client -> !client.ended)) {
        for (int i = random.nextInt(4); i > 0 && submitted < wanted; i--) {
          submit();
        }
        if (random.nextInt(5) == 0) {
          tell(planner.on(new StepEvent.Measured(randomCosts())));
        }
        cancelSome();
        if (!diskIsKnown && random.nextInt(5) == 0) {
          find();
        }
        while (!copies.isEmpty() && random.nextBoolean()) {
          copies.remove(random.nextInt(copies.size())).run();
        }
        if (plannersDie && random.nextInt(40) == 0) {
          replacePlanner();
        }
        var commands = planner.on(new StepEvent.Ready());
        if (commands.isEmpty() && copies.isEmpty()) {
          assertThat(planner.running() + planner.waiting()).isZero();
        }
        tell(commands);
        check();
      }
      while (!copies.isEmpty()) {
        copies.removeFirst().run();
        check();
      }
      assertThat(pool.inUse()).isZero();
      assertThat(host).isEmpty();
      assertThat(planner.status().swapped()).isZero();
      clients.values().forEach(Client::checkEnd);
      // Every step computes something that is needed, or that was lost: nobody starves.
      long work =
          clients.values().stream()
              .mapToLong(client -> client.request.prompt().length + client.request.maxTokens())
              .sum();
      assertThat(steps + planner.steps())
          .isLessThanOrEqualTo(work + lostTokens + failures * (config.maxRunning() + 1L));
      return wanted;
    }

    /// The planner dies, and with it all that it knew and the copies on the host. The model's
    /// memory outlives it, and another planner goes on with the sequences from what their clients
    /// were told.
    private void replacePlanner() {
      note("another planner goes on");
      count();
      var before = pool;
      pool = new BlockPool(before.blocks());
      planner = new StepPlanner(config, admission, pool, scheduling);
      host.clear();
      hostTier.clear();
      diskIsKnown = false;
      var order = new ArrayList<>(clients.keySet());
      Collections.shuffle(order, new Random(random.nextLong()));
      for (long number : order) {
        var client = clients.get(number);
        if (!client.ended) {
          goOn(number, client, before.ownedBy(number));
        }
      }
      check();
    }

    private void goOn(long number, Client client, int[] blocks) {
      int computed = Math.max(client.computed, 0);
      boolean known = computed > 0 && blocks.length > 0 && random.nextInt(8) > 0;
      note("%d goes on with %d tokens in %d blocks".formatted(number, computed, blocks.length));
      client.computed = -1;
      // What of the prompt was in the cache is counted anew.
      client.cached = -1;
      lostTokens++;
      if (client.tokens.isEmpty() && !known && random.nextBoolean()) {
        lostTokens += computed;
        client.hasPrompt = false;
        assertThat(planner.on(new StepEvent.Submitted(number, client.request))).isEmpty();
        return;
      }
      int[] generated = client.tokens.stream().mapToInt(Integer::intValue).toArray();
      client.mayGoOn = true;
      var commands =
          planner.on(
              new StepEvent.Adopted(
                  number,
                  client.request,
                  generated,
                  known ? computed : 0,
                  known ? blocks : new int[0]));
      if (commands.isEmpty()) {
        adoptions++;
        client.computed = Math.min(computed, client.all().size() - 1);
        client.cached = Math.min(client.computed, client.request.prompt().length);
      } else {
        lostTokens += computed;
        assertThat(commands).containsExactly(new StepCommand.Recompute(number));
      }
    }

    void count() {
      var totals = planner.status().totals();
      steps += totals.steps();
      hits += totals.prefixHits();
      swaps += totals.swaps();
      recomputes += totals.recomputes();
      tierHits += totals.tiers().host().hits() + totals.tiers().disk().hits();
    }

    private void check() {
      pool.check();
      planner.check();
      assertThat(planner.blocksLeaked()).isZero();
      assertThat(planner.running()).isLessThanOrEqualTo(config.maxRunning());
      assertThat(host.values().stream().mapToInt(copy -> copy.length / blockTokens).sum())
          .isLessThanOrEqualTo(scheduling.swapBlocks());
      if (!scheduling.prefixCache()) {
        assertThat(pool.cached()).isZero();
        assertThat(pool.sharings()).isZero();
      }
    }

    private void find() {
      diskIsKnown = true;
      note("the disk has " + disk.keySet());
      var found = new ArrayList<BlockSource>();
      disk.forEach((slot, stored) -> found.add(new BlockSource(stored.content, Tier.DISK, slot)));
      tell(planner.on(new StepEvent.Found(found)));
    }

    private void store(StepCommand.Store store) {
      var stored = new ArrayList<Stored>();
      for (int i = 0; i < store.blocks().length; i++) {
        var entries = model.copy(new int[] {store.blocks()[i]}, blockTokens);
        stored.add(new Stored(store.contents().get(i), entries));
      }
      var by = planner;
      copies.add(
          () -> {
            boolean whole = !tiersFail || random.nextInt(4) > 0;
            note("stored from %d: %s".formatted(store.slot(), whole));
            for (int i = 0; i < stored.size(); i++) {
              if (whole) {
                disk.put(store.slot() + i, stored.get(i));
              } else {
                disk.remove(store.slot() + i);
              }
            }
            if (by == planner) {
              tell(planner.on(new StepEvent.Stored(store.slot(), store.contents(), whole)));
            }
          });
    }

    private void load(StepCommand.Load load) {
      assertThat(load.sources()).hasSameSizeAs(load.blocks()).isNotEmpty();
      if (load.sources().stream().allMatch(source -> source.tier() == Tier.HOST)) {
        finish(load);
        return;
      }
      var by = planner;
      copies.add(
          () -> {
            if (by == planner) {
              finish(load);
            }
          });
    }

    private void finish(StepCommand.Load load) {
      int count = 0;
      for (var source : load.sources()) {
        var tier = source.tier() == Tier.HOST ? hostTier : disk;
        if (tiersFail && random.nextInt(8) == 0) {
          tier.remove(source.slot());
        }
        var stored = tier.get(source.slot());
        if (stored == null || !stored.content.equals(source.content())) {
          assertThat(tiersFail).isTrue();
          tell(planner.on(new StepEvent.Lost(source.tier(), source.content())));
          break;
        }
        model.restore(stored.entries, new int[] {load.blocks()[count]}, blockTokens);
        count++;
      }
      note("%d of %d blocks came".formatted(count, load.blocks().length));
      tell(planner.on(new StepEvent.Loaded(load.sequence(), count)));
    }

    private PreemptionCosts randomCosts() {
      return random.nextInt(8) == 0
          ? PreemptionCosts.UNKNOWN
          : new PreemptionCosts(
              random.nextInt(1, 40_000), random.nextInt(1, 1000), random.nextInt(100_000));
    }

    private void submit() {
      var request = randomRequest();
      long number = ++submitted;
      note("submit " + number + ": " + request);
      var client = new Client(request);
      client.poisonous = stepsFail && random.nextInt(20) == 0;
      clients.put(number, client);
      assertThat(planner.on(new StepEvent.Submitted(number, request))).isEmpty();
    }

    private GenerationRequest randomRequest() {
      int maxTokens = random.nextInt(4) == 0 ? random.nextInt(3) : random.nextInt(150);
      int room = admission.maxContext() - (maxTokens > 0 ? 1 : 0);
      int prompt = 1 + random.nextInt(random.nextInt(room) + 1);
      var stops = new HashSet<Integer>();
      for (int i = random.nextInt(!answersGrow ? 3 : submitted < 25 ? 30 : 1); i > 0; i--) {
        stops.add(random.nextInt(VOCABULARY));
      }
      return GenerationRequest.of(
              "r" + submitted, randomPrompt(prompt), Sampling.GREEDY, random.nextLong(), maxTokens)
          .withMinTokens(random.nextInt(4) == 0 ? random.nextInt(maxTokens + 1) : 0)
          .withStopTokens(stops)
          .withLogprobs(random.nextInt(6) - 1 < 0 ? -1 : random.nextInt(4))
          .withPromptLogprobs(random.nextInt(5) - 4 < 0 ? -1 : random.nextInt(4))
          .withPriority(random.nextInt(3) - 1)
          .withTenant(random.nextInt(3) > 0 ? "" : "tenant" + random.nextInt(2));
    }

    /// Often like another one, for some time.
    private int[] randomPrompt(int length) {
      var prompt = random.ints(length, 0, VOCABULARY).toArray();
      if (random.nextInt(3) > 0) {
        var beginning = beginnings.get(random.nextInt(beginnings.size()));
        System.arraycopy(
            beginning, 0, prompt, 0, random.nextBoolean() ? length : random.nextInt(length + 1));
      }
      return prompt;
    }

    private void cancelSome() {
      while (clientsLeave && submitted > 0 && random.nextInt(8) == 0) {
        // It may have ended before.
        long number = 1 + random.nextLong(submitted);
        cancel(number);
      }
    }

    private void cancel(long number) {
      note("cancel " + number);
      var client = clients.get(number);
      client.left = true;
      tell(
          planner.on(
              random.nextBoolean()
                  ? new StepEvent.Cancelled(number)
                  : new StepEvent.Expired(number)));
      assertThat(client.ended).isTrue();
    }

    private void step(StepPlan plan) {
      note(
          "step "
              + plan.number()
              + ": "
              + plan.chunks().stream()
                  .map(chunk -> chunk.sequence() + " from " + chunk.start())
                  .toList());
      assertThat(plan.tokens()).isBetween(1, config.stepTokens());
      var owners = owners();
      plan.chunks().forEach(chunk -> checkChunk(plan, chunk, owners));
      boolean poisoned =
          plan.chunks().stream().anyMatch(chunk -> clients.get(chunk.sequence()).poisonous);
      if (poisoned || (stepsFail && random.nextInt(40) == 0)) {
        note("it fails");
        failures++;
        if (plan.chunks().size() == 1) {
          clients.get(plan.chunks().getFirst().sequence()).broken = true;
        }
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

    private void checkChunk(StepPlan plan, StepPlan.Chunk chunk, int[] owners) {
      var client = clients.get(chunk.sequence());
      assertThat(client.ended).isFalse();
      if (client.computed < 0) {
        // It starts, or starts again: with what was found in the cache.
        assertThat(chunk.start() % blockTokens).isZero();
        client.computed = chunk.start();
        if (client.cached < 0) {
          client.cached = chunk.start();
        }
      }
      assertThat(chunk.start()).isEqualTo(client.computed);
      int end = chunk.start() + chunk.tokens().length;
      assertThat(chunk.blocks().tokens()).isGreaterThanOrEqualTo(end);
      assertThat(pool.ownedBy(chunk.sequence())).containsExactly(chunk.blocks().blocks());
      // What it reads is its own beginning.
      assertThat(model.holds(chunk.blocks(), client.all(), chunk.start())).isTrue();
      // What it writes is nobody else's.
      var written = new HashSet<Integer>();
      for (int position = chunk.start(); position < end; position++) {
        written.add(chunk.blocks().slot(position) / blockTokens);
      }
      assertThat(written).as("step %d", plan.number()).noneMatch(block -> owners[block] > 1);
    }

    private int[] owners() {
      var owners = new int[pool.blocks()];
      for (long number = 1; number <= submitted; number++) {
        for (int block : pool.ownedBy(number)) {
          owners[block]++;
        }
      }
      return owners;
    }

    private void tell(List<StepCommand> commands) {
      for (var command : commands) {
        note(command instanceof StepCommand.RunStep ? "" : command.toString());
        switch (command) {
          case StepCommand.Emit(var number, var event) -> clients.get(number).on(event);
          case StepCommand.RunStep(var plan) -> step(plan);
          case StepCommand.Recompute(var number) -> {
            var client = clients.get(number);
            lostTokens += Math.max(client.computed, 0);
            client.computed = -1;
          }
          case StepCommand.SwapOut(var number, var blocks) -> {
            lostTokens++;
            if (swapsFail && random.nextInt(3) == 0) {
              tell(planner.on(new StepEvent.SwapFailed(number)));
            } else {
              assertThat(host.put(number, model.copy(blocks, blockTokens))).isNull();
            }
          }
          case StepCommand.SwapIn(var number, var blocks) -> {
            var copy = host.remove(number);
            if (clientsLeave && random.nextInt(4) == 0) {
              cancel(number);
            }
            if (swapsFail && random.nextInt(3) == 0) {
              tell(planner.on(new StepEvent.SwapFailed(number)));
            } else {
              model.restore(copy, blocks, blockTokens);
              tell(planner.on(new StepEvent.SwappedIn(number)));
            }
          }
          case StepCommand.Spill(var content, var block, var slot) ->
              hostTier.put(slot, new Stored(content, model.copy(new int[] {block}, blockTokens)));
          case StepCommand.Store store -> store(store);
          case StepCommand.Load load -> load(load);
          case StepCommand.DropSwapped(var number) -> assertThat(host.remove(number)).isNotNull();
        }
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
      // -1: it is not in the batch yet, or not any more.
      int computed = -1;
      int cached = -1;
      boolean poisonous;
      boolean left;
      boolean broken;
      boolean ended;
      // It was adopted.
      boolean mayGoOn;
      private boolean hasPrompt;
      private GenerationEvent last;

      Client(GenerationRequest request) {
        this.request = request;
      }

      List<Integer> all() {
        var all = new ArrayList<Integer>();
        Arrays.stream(request.prompt()).forEach(all::add);
        all.addAll(tokens);
        return all;
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
          case GenerationEvent.Embedded _ -> throw new AssertionError("not asked for");
          case GenerationEvent.Finished finished -> {
            assertThat(finished.promptTokens()).isEqualTo(request.prompt().length);
            assertThat(finished.generatedTokens()).isEqualTo(tokens.size());
            // It may have been given a place, and no chunk yet.
            boolean early = mayGoOn && finished.reason() == FinishReason.DEADLINE;
            if (finished.reason() != FinishReason.CANCELLED && !early) {
              assertThat(finished.cachedTokens()).isEqualTo(Math.max(cached, 0));
              assertThat(cached).isLessThanOrEqualTo(request.prompt().length - (mayGoOn ? 0 : 1));
            }
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
              case CANCELLED, DEADLINE -> assertThat(left).isTrue();
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
          case GenerationEvent.Prompt _, GenerationEvent.Token _, GenerationEvent.Embedded _ ->
              throw new AssertionError("ended with " + last);
        }
      }
    }
  }
}
