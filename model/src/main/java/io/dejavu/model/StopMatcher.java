package io.dejavu.model;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Finds the first stop string in a text that comes in pieces, and lets go only what is surely
/// before it: an end that may be the beginning of a stop string waits for more.
///
/// The stop string that is complete first wins, the longest of those complete at once; so the
/// result does not depend on how the text is cut into pieces. One sequence, one thread.
///
/// Source: Knuth, Morris, Pratt 1977, Fast pattern matching in strings.
public final class StopMatcher {
  private final List<String> stops;

  /// Per stop string and length of a match, the next shorter beginning that matches as well.
  private final int[][] shorter;

  /// Per stop string, how much of it the text ends with.
  private final int[] matched;

  private final StringBuilder waiting = new StringBuilder();
  private @Nullable String stop;

  public StopMatcher(List<String> stops) {
    for (var stop : stops) {
      if (stop.isEmpty()) {
        throw new IllegalArgumentException("a stop string is empty");
      }
    }
    this.stops = List.copyOf(stops);
    this.shorter = stops.stream().map(StopMatcher::shorterMatches).toArray(int[][]::new);
    this.matched = new int[stops.size()];
  }

  private static int[] shorterMatches(String stop) {
    var shorter = new int[stop.length() + 1];
    for (int i = 1, n = 0; i < stop.length(); i++) {
      while (n > 0 && stop.charAt(i) != stop.charAt(n)) {
        n = shorter[n];
      }
      if (stop.charAt(i) == stop.charAt(n)) {
        n++;
      }
      shorter[i + 1] = n;
    }
    return shorter;
  }

  /// Takes the next piece; returns the text that can go out now. After a stop string nothing comes
  /// any more.
  public String push(String piece) {
    for (int i = 0; i < piece.length() && stop == null; i++) {
      waiting.append(piece.charAt(i));
      advance(piece.charAt(i));
    }
    return take(stop == null ? longestMatch() : 0);
  }

  /// The end of the text: what was waiting goes out, unless a stop string came.
  public String flush() {
    Arrays.fill(matched, 0);
    return take(0);
  }

  /// The stop string that ended the text, or null. It is not part of what was returned.
  public @Nullable String stop() {
    return stop;
  }

  private void advance(char c) {
    for (int s = 0; s < matched.length; s++) {
      var candidate = stops.get(s);
      int n = matched[s];
      while (n > 0 && candidate.charAt(n) != c) {
        n = shorter[s][n];
      }
      if (candidate.charAt(n) == c) {
        n++;
      }
      matched[s] = n;
      if (n == candidate.length() && (stop == null || n > stop.length())) {
        stop = candidate;
      }
    }
    if (stop != null) {
      waiting.setLength(waiting.length() - stop.length());
    }
  }

  private int longestMatch() {
    int longest = 0;
    for (int n : matched) {
      longest = Math.max(longest, n);
    }
    return longest;
  }

  private String take(int keep) {
    int n = waiting.length() - keep;
    var taken = waiting.substring(0, n);
    waiting.delete(0, n);
    return taken;
  }
}
