package io.dejavu.api;

/// What one client may ask for.
///
/// @param requestsPerMinute 0: as many as it likes
/// @param tokensPerMinute of prompts and answers; 0: as many as it likes
public record RateLimits(long requestsPerMinute, long tokensPerMinute) {
  public static final RateLimits NONE = new RateLimits(0, 0);

  public RateLimits {
    if (requestsPerMinute < 0 || tokensPerMinute < 0) {
      throw new IllegalArgumentException(
          "%d requests and %d tokens per minute, must not be negative"
              .formatted(requestsPerMinute, tokensPerMinute));
    }
  }
}
