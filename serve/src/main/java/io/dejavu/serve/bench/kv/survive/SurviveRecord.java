package io.dejavu.serve.bench.kv.survive;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/// What is true of the requests, whoever computes them: what was asked, which tokens came, which
/// should have. Compares each token with an undisturbed run.
final class SurviveRecord {
  private final int[][] expected;
  private final int[] prompts;
  private final Map<String, Live> live = new LinkedHashMap<>();
  private long submitted;
  private long finished;
  private long tokens;
  private final List<String> wrong = new ArrayList<>();

  /// One request.
  static final class Live {
    final String id;
    final int shape;
    final List<Integer> generated = new ArrayList<>();
    // Since it was handed over.
    int fresh;
    long firstAt;

    Live(String id, int shape) {
      this.id = id;
      this.shape = shape;
    }
  }

  /// @param prompts tokens of the prompt of each shape
  /// @param expected the tokens of each shape
  SurviveRecord(int[] prompts, int[][] expected) {
    this.prompts = prompts.clone();
    this.expected = expected.clone();
  }

  /// The next request.
  Live next() {
    int shape = (int) (submitted++ % SurviveRequests.SHAPES);
    var one = new Live("r" + submitted, shape);
    live.put(one.id, one);
    return one;
  }

  List<Live> live() {
    return List.copyOf(live.values());
  }

  int promptTokens(Live one) {
    return prompts[one.shape];
  }

  /// Tokens that a request has, with its prompt.
  int length(Live one) {
    return promptTokens(one) + one.generated.size();
  }

  void token(String id, int position, int token, long at) {
    var one = live.get(id);
    if (one == null) {
      wrong.add("%s got a token after its end".formatted(id));
      return;
    }
    int index = one.generated.size();
    if (position != length(one)) {
      wrong.add("%s got a token at %d, not %d".formatted(id, position, length(one)));
    } else if (index >= expected[one.shape].length || expected[one.shape][index] != token) {
      wrong.add(
          "%s of shape %d got token %d at %d, undisturbed it is %d"
              .formatted(
                  id,
                  one.shape,
                  token,
                  position,
                  index < expected[one.shape].length ? expected[one.shape][index] : -1));
    }
    one.generated.add(token);
    tokens++;
    if (one.fresh++ == 0) {
      one.firstAt = at;
    }
  }

  void finished(String id) {
    var one = live.remove(id);
    if (one == null || one.generated.size() != expected[one.shape].length) {
      wrong.add("%s ended after %s tokens".formatted(id, one == null ? "?" : one.generated.size()));
    }
    finished++;
  }

  void failed(String id, String why) {
    live.remove(id);
    wrong.add("%s failed: %s".formatted(id, why));
  }

  /// Ends those that have all their tokens, of whose end nobody heard: who was to say so was
  /// killed.
  void endComplete() {
    for (var one : live()) {
      if (one.generated.size() == expected[one.shape].length) {
        finished(one.id);
      }
    }
  }

  /// Counts fresh tokens from here.
  void handOver() {
    live.values().forEach(one -> one.fresh = 0);
  }

  /// As `take` wants them.
  String words() {
    return live.values().stream()
        .map(
            one ->
                " %s:%d:%s"
                    .formatted(
                        one.id,
                        one.shape,
                        one.generated.stream()
                            .map(String::valueOf)
                            .collect(Collectors.joining(","))))
        .collect(Collectors.joining());
  }

  long tokens() {
    return tokens;
  }

  long ended() {
    return finished;
  }

  /// What was not as in an undisturbed run, a line each.
  List<String> wrong() {
    return wrong;
  }

  @Override
  public String toString() {
    return "%d live, %d ended, shapes expect %s tokens"
        .formatted(live.size(), finished, Arrays.stream(expected).map(e -> e.length).toList());
  }
}
