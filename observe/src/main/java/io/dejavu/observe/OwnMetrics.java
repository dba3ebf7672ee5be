package io.dejavu.observe;

import io.dejavu.engine.Engine;
import io.prometheus.metrics.model.snapshots.Labels;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/// What is exported under our own names. `docs/metrics.md` lists the same; a test compares.
final class OwnMetrics {
  private OwnMetrics() {}

  static void http(Families families, RequestMetrics requests, LongAdder underWay, String version) {
    var answers = new LinkedHashMap<Labels, Long>();
    requests.answers.forEach(
        (answer, count) ->
            answers.put(
                Labels.of(
                    "route", answer.route(),
                    "method", answer.method(),
                    "status", Integer.toString(answer.status())),
                count.sum()));
    var seconds = new LinkedHashMap<Labels, Distribution.Reading>();
    requests.routeSeconds.forEach(
        (route, times) -> seconds.put(Labels.of("route", route), times.read()));
    families
        .facts("dejavu_build", "This software", Labels.of("version", version))
        .gauge(
            "dejavu_http_requests_active",
            "HTTP requests under way",
            Labels.EMPTY,
            (double) underWay.sum())
        .counters("dejavu_http_requests", "HTTP requests answered", answers)
        .histograms(
            "dejavu_http_request_seconds",
            "From an HTTP request to the end of its answer",
            seconds);
  }

  static void engine(
      Families families, EngineFacts facts, Engine.Status status, EngineMetrics engine) {
    var labels = Labels.of("model", facts.model());
    var totals = status.totals();
    families
        .gauge(
            "dejavu_engine_healthy", "Whether steps are computed", labels, status.healthy() ? 1 : 0)
        .gauge("dejavu_sequences_running", "Sequences in the batch", labels, status.running())
        .gauge("dejavu_sequences_waiting", "Sequences in the queue", labels, status.waiting())
        .gauge("dejavu_sequences_swapped", "Sequences in host memory", labels, status.swapped())
        .gauge("dejavu_kv_blocks", "KV blocks in all", labels, status.blocks())
        .gauge("dejavu_kv_blocks_in_use", "Held by sequences", labels, status.blocksInUse())
        .gauge("dejavu_kv_blocks_cached", "Kept for prompts alike", labels, status.blocksCached())
        .gauge(
            "dejavu_kv_blocks_leaked", "Held by nobody: 0, or a bug", labels, status.blocksLeaked())
        .gauge("dejavu_kv_block_tokens", "Tokens that a block holds", labels, facts.blockTokens())
        .counter("dejavu_steps", "Steps planned", labels, totals.steps())
        .counter(
            "dejavu_steps_failed", "Steps that came to nothing", labels, engine.failedSteps.sum())
        .histogram("dejavu_step_seconds", "Time of a step", labels, engine.stepSeconds.read())
        .histogram(
            "dejavu_step_sequences", "Sequences in a step", labels, engine.stepSequences.read())
        .histogram(
            "dejavu_step_tokens", "Tokens computed in a step", labels, engine.stepTokens.read())
        .counter(
            "dejavu_computed_prompt_tokens",
            "Not found in the cache",
            labels,
            totals.promptTokens())
        .counter(
            "dejavu_prefix_cache_queries",
            "Prompt tokens looked up",
            labels,
            totals.prefixQueries())
        .counter("dejavu_prefix_cache_hits", "Of these, found", labels, totals.prefixHits())
        .counters(
            "dejavu_preemptions",
            "Sequences that lost their place for want of memory",
            Map.of(
                labels.add("kind", "swap"), totals.swaps(),
                labels.add("kind", "recompute"), totals.recomputes()));
    tiers(families, labels, totals.tiers());
  }

  private static void tiers(Families families, Labels labels, Engine.Tiers tiers) {
    var host = labels.add("tier", "host");
    var disk = labels.add("tier", "disk");
    families
        .gauges(
            "dejavu_kv_tier_blocks",
            "Held for prompts that come again",
            Map.of(host, (double) tiers.host().blocks(), disk, (double) tiers.disk().blocks()))
        .counters(
            "dejavu_kv_tier_hits",
            "Blocks loaded, not computed",
            Map.of(host, tiers.host().hits(), disk, tiers.disk().hits()))
        .counter("dejavu_kv_tier_misses", "Blocks of prompts in no tier", labels, tiers.misses())
        .counter("dejavu_kv_tier_declined", "Blocks quicker to compute", labels, tiers.declined())
        .counters(
            "dejavu_kv_tier_loaded_bytes",
            "Bytes that came from a tier",
            Map.of(host, tiers.host().loadedBytes(), disk, tiers.disk().loadedBytes()))
        .counters(
            "dejavu_kv_tier_stored_bytes",
            "Bytes that went to a tier",
            Map.of(host, tiers.host().storedBytes(), disk, tiers.disk().storedBytes()))
        .counters(
            "dejavu_kv_tier_failures",
            "Blocks not stored, or damaged",
            Map.of(host, tiers.host().failures(), disk, tiers.disk().failures()));
  }

  static void sequences(
      Families families, EngineFacts facts, EngineMetrics engine, RequestMetrics requests) {
    var labels = Labels.of("model", facts.model());
    families
        .histogram(
            "dejavu_time_to_first_token_seconds",
            "From a request to the first token of each sequence",
            labels,
            engine.firstTokenSeconds.read(Bounds.SECONDS))
        .histogram(
            "dejavu_inter_token_seconds",
            "From a token to the next",
            labels,
            engine.nextTokenSeconds.read(Bounds.SECONDS))
        .histogram(
            "dejavu_request_seconds",
            "From a request to the end of each sequence",
            labels,
            requests.requestSeconds.read(Bounds.SECONDS))
        .histogram(
            "dejavu_queue_seconds",
            "Until the first step",
            labels,
            requests.queueSeconds.read(Bounds.SECONDS))
        .histogram(
            "dejavu_prefill_seconds",
            "From the first step to the first token",
            labels,
            requests.prefillSeconds.read(Bounds.SECONDS))
        .histogram(
            "dejavu_decode_seconds",
            "From the first token to the last",
            labels,
            requests.decodeSeconds.read(Bounds.SECONDS));
  }
}
