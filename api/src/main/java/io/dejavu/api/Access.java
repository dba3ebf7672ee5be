package io.dejavu.api;

import java.util.Set;
import java.util.function.Supplier;
import java.util.regex.Pattern;

/// Who may ask, how much, and from which web pages.
///
/// @param keys asked for at every request; none: everybody may ask
/// @param limits of each key
/// @param origins of web pages that may ask from a browser, such as `https://chat.example.com`, or
///   `*`: all. The server's own pages always may
/// @param openMetrics whether `/metrics` and `/stats` need no key
public record Access(
    Supplier<ApiKeys> keys, RateLimits limits, Set<String> origins, boolean openMetrics) {
  /// Everybody may ask for anything, web pages of others excepted.
  public static final Access OPEN =
      new Access(() -> ApiKeys.NONE, RateLimits.NONE, Set.of(), false);

  private static final Pattern ORIGIN =
      Pattern.compile("\\*|null|[a-z][a-z0-9+.-]*://[a-z0-9.:\\[\\]_-]+");

  public Access {
    origins = Set.copyOf(origins);
    for (String origin : origins) {
      if (!ORIGIN.matcher(origin).matches()) {
        throw new IllegalArgumentException(
            "\"%s\" is not an origin such as https://chat.example.com:8443, in lower case"
                .formatted(origin));
      }
    }
  }
}
