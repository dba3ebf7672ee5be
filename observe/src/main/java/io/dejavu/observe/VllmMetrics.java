package io.dejavu.observe;

import io.dejavu.engine.Engine;
import io.prometheus.metrics.model.snapshots.Labels;
import java.util.LinkedHashMap;

/// The same under the names, labels and buckets that vLLM uses, so that its dashboards and alerts,
/// and gateways that route by load, work with this server. Names and buckets:
/// vllm/v1/metrics/loggers.py.
final class VllmMetrics {
  private VllmMetrics() {}

  static void engine(
      Families families, EngineFacts facts, Engine.Status status, EngineMetrics engine) {
    var labels = labels(facts);
    var totals = status.totals();
    double usage = (double) status.blocksInUse() / status.blocks();
    families
        .facts(
            "vllm:cache_config",
            "Information of the LLMEngine CacheConfig",
            Labels.of(
                "engine", "0",
                "block_size", Integer.toString(facts.blockTokens()),
                "num_gpu_blocks", Integer.toString(status.blocks()),
                "cache_dtype", facts.kvType(),
                "enable_prefix_caching", facts.prefixCache() ? "True" : "False"))
        .gauge("vllm:num_requests_running", "Sequences in the batch", labels, status.running())
        .gauge("vllm:num_requests_waiting", "Sequences in the queue", labels, status.waiting())
        .gauge("vllm:num_requests_swapped", "Sequences in host memory", labels, status.swapped())
        .gauge("vllm:kv_cache_usage_perc", "1 is 100 percent", labels, usage)
        .counter("vllm:prefix_cache_queries", "Tokens looked up", labels, totals.prefixQueries())
        .counter("vllm:prefix_cache_hits", "Tokens found", labels, totals.prefixHits())
        .counter("vllm:num_preemptions", "Preemptions", labels, engine.preemptions.sum())
        .histogram(
            "vllm:iteration_tokens_total", "Tokens per step", labels, engine.stepTokens.read());
  }

  static void sequences(
      Families families,
      EngineFacts facts,
      int maxContext,
      EngineMetrics engine,
      RequestMetrics requests) {
    var labels = labels(facts);
    var finished = new LinkedHashMap<Labels, Long>();
    requests.finished.forEach(
        (reason, count) -> finished.put(labels.add("finished_reason", reason), count.sum()));
    double[] tokens = Bounds.oneTwoFive(maxContext);
    families
        .counter("vllm:prompt_tokens", "Of computed prompts", labels, engine.promptTokens.sum())
        .counter("vllm:prompt_tokens_cached", "Of these, found", labels, engine.cachedTokens.sum())
        .counter("vllm:generation_tokens", "Generated", labels, engine.generatedTokens.sum())
        .counters("vllm:request_success", "Sequences that ended", finished)
        .histogram(
            "vllm:request_prompt_tokens", "Of a prompt", labels, requests.promptTokens.read(tokens))
        .histogram(
            "vllm:request_generation_tokens",
            "Generated for a prompt",
            labels,
            requests.generatedTokens.read(tokens))
        .histogram(
            "vllm:request_params_max_tokens", "Asked for", labels, requests.maxTokens.read(tokens))
        .histogram(
            "vllm:request_params_n",
            "Sequences of a request",
            labels,
            requests.sequences.read(Bounds.VLLM_SEQUENCES));
    times(families, labels, engine, requests);
  }

  private static void times(
      Families families, Labels labels, EngineMetrics engine, RequestMetrics requests) {
    var next = engine.nextTokenSeconds.read(Bounds.VLLM_NEXT_TOKEN);
    families
        .histogram(
            "vllm:time_to_first_token_seconds",
            "From a request to its first token",
            labels,
            engine.firstTokenSeconds.read(Bounds.VLLM_FIRST_TOKEN))
        .histogram("vllm:inter_token_latency_seconds", "From a token to the next", labels, next)
        .histogram("vllm:time_per_output_token_seconds", "Its former name", labels, next)
        .histogram(
            "vllm:request_time_per_output_token_seconds",
            "From a token to the next, mean of a sequence",
            labels,
            requests.meanNextTokenSeconds.read())
        .histogram(
            "vllm:e2e_request_latency_seconds",
            "From a request to its end",
            labels,
            requests.requestSeconds.read(Bounds.VLLM_REQUEST))
        .histogram(
            "vllm:request_queue_time_seconds",
            "Until the first step",
            labels,
            requests.queueSeconds.read(Bounds.VLLM_REQUEST))
        .histogram(
            "vllm:request_prefill_time_seconds",
            "From the first step to the first token",
            labels,
            requests.prefillSeconds.read(Bounds.VLLM_REQUEST))
        .histogram(
            "vllm:request_decode_time_seconds",
            "From the first token to the last",
            labels,
            requests.decodeSeconds.read(Bounds.VLLM_REQUEST))
        .histogram(
            "vllm:request_inference_time_seconds",
            "From the first step to the last token",
            labels,
            requests.inferenceSeconds.read());
  }

  private static Labels labels(EngineFacts facts) {
    return Labels.of("model_name", facts.model(), "engine", "0");
  }
}
