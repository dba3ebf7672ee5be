package io.dejavu.local;

import io.dejavu.engine.Admission;
import io.dejavu.engine.ChunkResult;
import io.dejavu.engine.EngineConfig;
import io.dejavu.engine.SchedulingConfig;
import io.dejavu.engine.StepPlan;
import io.dejavu.engine.TokenLogprobs;
import io.dejavu.kv.HeadRange;
import io.dejavu.kv.KvConfig;
import io.dejavu.kv.KvLayout;
import io.dejavu.kv.KvMemory;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.SwapSpace;
import io.dejavu.model.Executor;
import io.dejavu.model.Step;
import io.dejavu.model.StepResult;
import io.dejavu.tensor.Device;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/// A whole model on one device of this process, with the memory of its keys and values.
///
/// @param swap host memory for sequences that lose their place
/// @param scheduling what the planner is to know of the memory
/// @param tiers host memory and disk behind the prefix cache
/// @param lent whether the executor outlives the pipeline
public record LocalPipeline(
    Executor executor,
    KvMemory memory,
    SwapSpace swap,
    Admission admission,
    SchedulingConfig scheduling,
    CacheStore tiers,
    boolean lent)
    implements StepLoop.Computer {
  private static final System.Logger LOG = System.getLogger(LocalPipeline.class.getName());

  /// Opens memory for the model's keys and values.
  ///
  /// @param executor loaded for steps of at least `engineConfig.stepTokens()` tokens; closed with
  ///   the pipeline, or here if this throws
  /// @param device of the executor's kernels
  /// @throws IllegalArgumentException if the configurations do not fit the model or the memory
  public static LocalPipeline open(
      Executor executor, Device device, EngineConfig engineConfig, KvConfig kvConfig) {
    return open(executor, device, engineConfig, kvConfig, "");
  }

  /// Opens memory for a model's keys and values.
  ///
  /// @param model loaded for steps of at least `engineConfig.stepTokens()` tokens; its executor is
  ///   closed with the pipeline, or here if this throws
  /// @throws IllegalArgumentException if the configurations do not fit the model or the memory
  public static LocalPipeline open(
      LoadedModel model, EngineConfig engineConfig, KvConfig kvConfig) {
    return open(
        model.executor(), model.kernels().device(), engineConfig, kvConfig, model.identity());
  }

  /// @param identity of the model with all that decides about its keys and values: what is on disk
  ///   is used by the same only
  static LocalPipeline open(
      Executor executor,
      Device device,
      EngineConfig engineConfig,
      KvConfig kvConfig,
      String identity) {
    boolean complete = false;
    try {
      var memory = KvMemory.open(device, layout(executor, engineConfig, kvConfig));
      var pipeline = pipeline(executor, memory, engineConfig, kvConfig, identity, false);
      complete = true;
      return pipeline;
    } finally {
      if (!complete) {
        executor.close();
      }
    }
  }

  /// Computes in memory that is there already. When the pipeline is closed, another may use the
  /// executor: a process that waits computes in memory of its own, until it takes over another's.
  ///
  /// @param model loaded for steps of at least `engineConfig.stepTokens()` tokens; the caller
  ///   closes its executor, after the pipeline
  /// @param memory of the model's kernels, of the layout that {@link #layout} gives; closed with
  ///   the pipeline
  public static LocalPipeline open(
      LoadedModel model, KvMemory memory, EngineConfig engineConfig, KvConfig kvConfig) {
    var wanted =
        layout(model.executor(), engineConfig, kvConfig.withBytes(memory.layout().bytes()));
    if (!wanted.equals(memory.layout())) {
      throw new IllegalArgumentException(
          "keys and values in %s, the model wants %s".formatted(memory.layout(), wanted));
    }
    return pipeline(model.executor(), memory, engineConfig, kvConfig, model.identity(), true);
  }

  /// Where keys and values of this model lie.
  ///
  /// @throws IllegalArgumentException if the configurations do not fit the model or the memory
  public static KvLayout layout(Executor executor, EngineConfig engineConfig, KvConfig kvConfig) {
    var sizes = executor.sizes();
    if (executor.limits().tokens() < engineConfig.stepTokens()) {
      throw new IllegalArgumentException(
          "steps of %d tokens, the model was loaded for %d"
              .formatted(engineConfig.stepTokens(), executor.limits().tokens()));
    }
    if (engineConfig.maxContext() > sizes.maxPositions()) {
      throw new IllegalArgumentException(
          "a context of %d tokens, the model has %d positions"
              .formatted(engineConfig.maxContext(), sizes.maxPositions()));
    }
    var oneBlock =
        new KvLayout(
            new LayerRange(0, sizes.layers()),
            1,
            HeadRange.all(sizes.kvHeads()),
            kvConfig.blockTokens(),
            sizes.headSize(),
            executor.kvType());
    var layout =
        oneBlock.withBlocks(
            kvConfig.blocks(
                oneBlock.blockBytes(), wantedContext(executor, engineConfig), FreeMemory.bytes()));
    int context = context(executor, engineConfig, layout);
    if (context < engineConfig.maxContext()) {
      throw new IllegalArgumentException(
          "a context of %d tokens, %d bytes of KV memory hold %d"
              .formatted(engineConfig.maxContext(), layout.bytes(), context));
    }
    return layout;
  }

  private static int wantedContext(Executor executor, EngineConfig engineConfig) {
    return engineConfig.maxContext() > 0
        ? engineConfig.maxContext()
        : executor.sizes().maxPositions();
  }

  /// Most tokens of a sequence in memory of this layout.
  public static int context(Executor executor, EngineConfig engineConfig, KvLayout layout) {
    return Math.min(wantedContext(executor, engineConfig), layout.blocks() * layout.blockTokens());
  }

  private static LocalPipeline pipeline(
      Executor executor,
      KvMemory memory,
      EngineConfig engineConfig,
      KvConfig kvConfig,
      String identity,
      boolean lent) {
    var sizes = executor.sizes();
    var layout = memory.layout();
    int wanted = wantedContext(executor, engineConfig);
    int context = context(executor, engineConfig, layout);
    CompiledLoops.problem().ifPresent(problem -> LOG.log(Level.WARNING, problem));
    LOG.log(
        Level.INFO,
        "keys and values: %d blocks of %d tokens in %d MiB of %s, context of %d tokens%s"
            .formatted(
                layout.blocks(),
                layout.blockTokens(),
                layout.bytes() >> 20,
                layout.type(),
                context,
                context < wanted
                    ? " (the model could have %d: more KV memory is needed)".formatted(wanted)
                    : ""));
    executor.use(IntStream.range(0, sizes.layers()).mapToObj(memory::cache).toList());
    long swapBytes = Math.min(kvConfig.swapBytes(), FreeMemory.bytes() / 4);
    var name = "%s in %s %s".formatted(sizes, layout.type(), identity);
    var tiers = openTiers(memory, kvConfig, name);
    var scheduling =
        SchedulingConfig.of(layout.blockTokens())
            .withPrefixCache(kvConfig.prefixCache())
            .withModel(name)
            .withTiers(tiers.config())
            .withSwap(
                (int) Math.min(Integer.MAX_VALUE, swapBytes / layout.blockBytes()),
                layout.blockBytes());
    return new LocalPipeline(
        executor,
        memory,
        new SwapSpace(memory, scheduling.swapBlocks()),
        new Admission(sizes.vocabulary(), context, executor.limits().logprobs()),
        scheduling,
        tiers,
        lent);
  }

  private static CacheStore openTiers(KvMemory memory, KvConfig kvConfig, String model) {
    boolean complete = false;
    try {
      var tiers = CacheStore.open(memory, kvConfig, model);
      complete = true;
      return tiers;
    } finally {
      if (!complete) {
        memory.close();
      }
    }
  }

  public KvLayout layout() {
    return memory.layout();
  }

  @Override
  public List<ChunkResult> run(StepPlan plan) {
    var parts = new ArrayList<Step.Part>(plan.chunks().size());
    for (var chunk : plan.chunks()) {
      parts.add(
          new Step.Part(
              chunk.tokens(),
              chunk.start(),
              chunk.blocks().blocks(),
              chunk.draw(),
              chunk.logprobs(),
              chunk.targets(),
              chunk.targetLogprobs(),
              chunk.hidden()));
    }
    return executor.run(new Step(parts)).parts().stream().map(LocalPipeline::result).toList();
  }

  private static ChunkResult result(StepResult.Part part) {
    var drawn = part.logprobs();
    return new ChunkResult(
        part.token(),
        drawn == null ? null : logprobs(drawn),
        part.targets().stream().map(LocalPipeline::logprobs).toList(),
        part.hidden());
  }

  private static TokenLogprobs logprobs(StepResult.Ranked ranked) {
    return new TokenLogprobs(
        ranked.logprob(), ranked.rank(), ranked.topIds(), ranked.topLogprobs());
  }

  @Override
  public void swapOut(long sequence, int[] blocks) {
    swap.swapOut(sequence, blocks);
  }

  @Override
  public void swapIn(long sequence, int[] blocks) {
    swap.swapIn(sequence, blocks);
  }

  @Override
  public void dropSwapped(long sequence) {
    swap.drop(sequence);
  }

  @Override
  public void close() {
    if (!lent) {
      executor.close();
    }
    tiers.close();
    swap.close();
    memory.close();
  }
}
