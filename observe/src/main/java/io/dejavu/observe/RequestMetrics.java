package io.dejavu.observe;

import static io.dejavu.observe.SequenceTimes.NEVER;

import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.LongAdder;

/// Counts requests when they end. Bounded: routes and methods are those that are registered.
final class RequestMetrics {
  final Map<HttpAnswer, LongAdder> answers = new ConcurrentSkipListMap<>();
  final Map<String, Distribution> routeSeconds = new ConcurrentSkipListMap<>();
  final Map<String, LongAdder> finished = new ConcurrentSkipListMap<>();

  final Distribution requestSeconds = new Distribution(Bounds.SECONDS, Bounds.VLLM_REQUEST);
  final Distribution queueSeconds = new Distribution(Bounds.SECONDS, Bounds.VLLM_REQUEST);
  final Distribution prefillSeconds = new Distribution(Bounds.SECONDS, Bounds.VLLM_REQUEST);
  final Distribution decodeSeconds = new Distribution(Bounds.SECONDS, Bounds.VLLM_REQUEST);
  final Distribution inferenceSeconds = new Distribution(Bounds.VLLM_REQUEST);
  final Distribution meanNextTokenSeconds = new Distribution(Bounds.VLLM_NEXT_TOKEN);

  // Powers of ten and their doubles up to any context there is; a scrape shows those that can be.
  final Distribution promptTokens = new Distribution(Bounds.oneTwoFive(100_000_000));
  final Distribution generatedTokens = new Distribution(Bounds.oneTwoFive(100_000_000));
  final Distribution maxTokens = new Distribution(Bounds.oneTwoFive(100_000_000));
  final Distribution sequences = new Distribution(Bounds.SEQUENCES, Bounds.VLLM_SEQUENCES);

  RequestMetrics() {
    for (String reason : new String[] {"stop", "length", "abort", "error"}) {
      finished.put(reason, new LongAdder()); // a rate needs the zero before the one
    }
  }

  record HttpAnswer(String route, String method, int status) implements Comparable<HttpAnswer> {
    @Override
    public int compareTo(HttpAnswer other) {
      int order = route.compareTo(other.route);
      order = order != 0 ? order : method.compareTo(other.method);
      return order != 0 ? order : Integer.compare(status, other.status);
    }
  }

  void ended(RequestRecord request) {
    answers
        .computeIfAbsent(
            new HttpAnswer(request.route(), request.method(), request.status()),
            _ -> new LongAdder())
        .increment();
    routeSeconds
        .computeIfAbsent(request.route(), _ -> new Distribution(Bounds.SECONDS))
        .addNanos(request.ended() - request.began());
    if (request.sequences().isEmpty()) {
      return;
    }
    sequences.add(request.sequences().size());
    for (var sequence : request.sequences()) {
      ended(sequence, request);
    }
  }

  private void ended(SequenceRecord sequence, RequestRecord request) {
    finished
        .computeIfAbsent(sequence.finishReason(request.answered()), _ -> new LongAdder())
        .increment();
    long end = sequence.ended() == NEVER ? request.ended() : sequence.ended();
    requestSeconds.addNanos(end - request.began());
    promptTokens.add(sequence.promptTokens());
    generatedTokens.add(sequence.generatedTokens());
    maxTokens.add(sequence.maxTokens());
    if (!sequence.hasStarted()) {
      return;
    }
    queueSeconds.addNanos(sequence.started() - sequence.queued());
    if (!sequence.hasToken()) {
      return;
    }
    prefillSeconds.addNanos(sequence.firstToken() - sequence.started());
    long decode = sequence.lastToken() - sequence.firstToken();
    decodeSeconds.addNanos(decode);
    inferenceSeconds.addNanos(sequence.lastToken() - sequence.started());
    if (sequence.generatedTokens() > 1) {
      meanNextTokenSeconds.addNanos(decode / (sequence.generatedTokens() - 1));
    }
  }
}
