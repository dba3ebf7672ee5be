package io.dejavu.hub;

import java.net.URI;
import java.net.http.HttpHeaders;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// What a server answered.
///
/// @param uri that answered, after redirects
/// @param body to be read or closed
record Answer(URI uri, int status, HttpHeaders headers, Chunks body) implements AutoCloseable {
  @Nullable String header(String name) {
    return headers.firstValue(name).orElse(null);
  }

  /// A length, or negative where the header is absent or none.
  long number(String name) {
    return headers.firstValue(name).flatMap(Answer::parsed).orElse(-1L);
  }

  private static Optional<Long> parsed(String text) {
    try {
      return Optional.of(Long.parseLong(text.strip()));
    } catch (NumberFormatException _) {
      return Optional.empty();
    }
  }

  /// Without quotes and `W/`; null: none.
  @Nullable String etag() {
    String linked = header("X-Linked-Etag");
    String etag = linked == null ? header("ETag") : linked;
    return etag == null ? null : etag.replaceFirst("^W/", "").replace("\"", "");
  }

  /// How long to wait before the next attempt; negative: it is not said.
  long retryAfterSeconds() {
    String value = header("Retry-After");
    if (value == null) {
      return -1;
    }
    long seconds = number("Retry-After");
    if (seconds >= 0) {
      return seconds;
    }
    try {
      var date = ZonedDateTime.parse(value.strip(), DateTimeFormatter.RFC_1123_DATE_TIME);
      return Math.max(0, date.toEpochSecond() - Instant.now().getEpochSecond());
    } catch (DateTimeException _) {
      return -1; // a header that makes no sense is none
    }
  }

  @Override
  public void close() {
    body.close();
  }
}
