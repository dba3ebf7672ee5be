package io.dejavu.workload;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/// What is asked of a server and when: a plain value, the same for the same source and seed. The
/// prompts themselves are made by [PromptMaker].
///
/// @param name what it is called in reports
/// @param blockTokens tokens of a block of a shared prefix
/// @param requests in order of arrival
public record Workload(String name, int blockTokens, List<PlannedRequest> requests) {
  public Workload {
    if (blockTokens < 1) {
      throw new IllegalArgumentException("blocks of %d tokens".formatted(blockTokens));
    }
    requests = List.copyOf(requests);
    for (int i = 1; i < requests.size(); i++) {
      if (requests.get(i).at().compareTo(requests.get(i - 1).at()) < 0) {
        throw new IllegalArgumentException(
            "request %d arrives before its predecessor".formatted(i));
      }
    }
  }

  /// At most the first `count`.
  public Workload first(int count) {
    return with(requests.subList(0, Math.min(count, requests.size())));
  }

  public Workload scaled(LengthScale scale) {
    return new Workload(
        name, scale.ofBlock(blockTokens), each(requests, request -> request.scaled(scale)));
  }

  /// The same requests `speed` times as fast, beginning at once.
  public Workload faster(double speed) {
    if (!(speed > 0 && Double.isFinite(speed))) {
      throw new IllegalArgumentException("speed is %s, must be over 0".formatted(speed));
    }
    if (requests.isEmpty()) {
      return this;
    }
    var begin = requests.getFirst().at();
    return with(
        each(
            requests,
            request -> {
              var after = request.at().minus(begin);
              return request.at(Duration.ofNanos(Math.round(after.toNanos() / speed)));
            }));
  }

  /// The same requests at other times.
  ///
  /// @param times as many as there are requests, ascending
  public Workload arriving(List<Duration> times) {
    if (times.size() != requests.size()) {
      throw new IllegalArgumentException(
          "%d times for %d requests".formatted(times.size(), requests.size()));
    }
    return with(
        IntStream.range(0, times.size()).mapToObj(i -> requests.get(i).at(times.get(i))).toList());
  }

  /// The same requests, of which what is shared is said in blocks of another size.
  public Workload withBlocks(int tokens) {
    return new Workload(name, tokens, requests);
  }

  /// The same requests with answers of another length.
  public Workload withOutput(int tokens) {
    return with(
        each(
            requests,
            request ->
                new PlannedRequest(
                    request.at(), request.promptTokens(), tokens, request.prefix())));
  }

  /// Requests that would need more than `most` tokens for prompt and answer are left out.
  public Workload within(int most) {
    return with(
        requests.stream()
            .filter(request -> request.promptTokens() + request.outputTokens() <= most)
            .toList());
  }

  public long promptTokens() {
    return requests.stream().mapToLong(PlannedRequest::promptTokens).sum();
  }

  public long outputTokens() {
    return requests.stream().mapToLong(PlannedRequest::outputTokens).sum();
  }

  /// From the first arrival to the last.
  public Duration span() {
    return requests.isEmpty()
        ? Duration.ZERO
        : requests.getLast().at().minus(requests.getFirst().at());
  }

  private Workload with(List<PlannedRequest> others) {
    return new Workload(name, blockTokens, others);
  }

  private static List<PlannedRequest> each(
      List<PlannedRequest> requests, UnaryOperator<PlannedRequest> change) {
    var changed = new ArrayList<PlannedRequest>(requests.size());
    requests.forEach(request -> changed.add(change.apply(request)));
    return changed;
  }
}
