package io.dejavu.hub;

import java.io.IOException;
import java.net.ProxySelector;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// Where the hub is, where its cache lies, and how patient we are.
///
/// @param endpoint without a path, or with that of a mirror; no `/` at its end
/// @param cache the folder of `models--ORG--NAME`
/// @param token sent to the host of `endpoint` only; null: none
/// @param offline use the cache only
/// @param connectPatience longest wait for a connection
/// @param silence longest wait for an answer, and for the next bytes of one
/// @param attempts most attempts in a row that bring nothing
/// @param firstPause before the second attempt; doubles from then on
/// @param longestPause also the longest that a server may ask for
/// @param parallel files fetched at a time
/// @param proxies which proxy leads to a server
public record HubConfig(
    URI endpoint,
    Path cache,
    @Nullable String token,
    boolean offline,
    Duration connectPatience,
    Duration silence,
    int attempts,
    Duration firstPause,
    Duration longestPause,
    int parallel,
    ProxySelector proxies) {
  private static final Set<String> TRUE = Set.of("1", "ON", "YES", "TRUE");
  private static final Pattern VARIABLE = Pattern.compile("\\$(?:(\\w+)|\\{(\\w+)})");
  private static final long TOKEN_BYTES = 4096;

  public HubConfig {
    String scheme = endpoint.getScheme();
    if (endpoint.getHost() == null || !("https".equals(scheme) || "http".equals(scheme))) {
      throw new IllegalArgumentException(
          "the hub's address is \"%s\", must start with https:// or http://".formatted(endpoint));
    }
    if (attempts < 1 || parallel < 1) {
      throw new IllegalArgumentException(
          "%d attempts, %d files at a time".formatted(attempts, parallel));
    }
  }

  /// What Python's `huggingface_hub` would use: `HF_HUB_CACHE`, `HF_HOME`, `XDG_CACHE_HOME`,
  /// `HF_ENDPOINT`, `HF_TOKEN`, `HF_TOKEN_PATH`, `HF_HUB_OFFLINE` and their older names.
  ///
  /// @param environment of the process
  /// @param user the user's home directory
  /// @throws IllegalArgumentException if a variable makes no sense
  public static HubConfig of(Map<String, String> environment, Path user) {
    var settings = new Settings(environment, user);
    Path home =
        settings.path(
            "HF_HOME",
            settings.path("XDG_CACHE_HOME", user.resolve(".cache")).resolve("huggingface"));
    Path cache =
        settings.path("HF_HUB_CACHE", settings.path("HUGGINGFACE_HUB_CACHE", home.resolve("hub")));
    return new HubConfig(
        endpoint(settings.text("HF_ENDPOINT")),
        cache,
        token(settings, settings.path("HF_TOKEN_PATH", home.resolve("token"))),
        settings.isTrue("HF_HUB_OFFLINE") || settings.isTrue("TRANSFORMERS_OFFLINE"),
        Duration.ofSeconds(10),
        Duration.ofSeconds(30),
        6,
        Duration.ofSeconds(1),
        Duration.ofMinutes(5),
        4,
        new EnvironmentProxies(environment));
  }

  public HubConfig withOffline(boolean without) {
    return new HubConfig(
        endpoint,
        cache,
        token,
        without,
        connectPatience,
        silence,
        attempts,
        firstPause,
        longestPause,
        parallel,
        proxies);
  }

  // The token is nobody's to read.
  @Override
  public String toString() {
    return "HubConfig[%s, %s%s]".formatted(endpoint, cache, offline ? ", offline" : "");
  }

  private static URI endpoint(@Nullable String text) {
    String address = text == null ? "https://huggingface.co" : text.replaceAll("/+$", "");
    try {
      return URI.create(address);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("HF_ENDPOINT is no address: " + e.getMessage(), e);
    }
  }

  private static @Nullable String token(Settings settings, Path file) {
    String token = settings.text("HF_TOKEN");
    if (token == null) {
      token = settings.text("HUGGING_FACE_HUB_TOKEN");
    }
    if (token == null && Files.isRegularFile(file) && Files.isReadable(file)) {
      try {
        token = Files.size(file) > TOKEN_BYTES ? "" : Files.readString(file).strip();
      } catch (IOException e) {
        throw new IllegalArgumentException(
            "the token in %s cannot be read: %s".formatted(file, e.getMessage()), e);
      }
    }
    if (token == null || token.isEmpty()) {
      return null;
    }
    if (token.chars().anyMatch(c -> c <= ' ' || c > '~')) {
      throw new IllegalArgumentException("HF_TOKEN, or the token in %s, is none".formatted(file));
    }
    return token;
  }

  private record Settings(Map<String, String> environment, Path user) {
    @Nullable String text(String name) {
      String value = environment.get(name);
      return value == null || value.isBlank() ? null : value.strip();
    }

    boolean isTrue(String name) {
      String value = text(name);
      return value != null && TRUE.contains(value.toUpperCase(Locale.ROOT));
    }

    /// With `~` and `$VARIABLE` resolved, as Python does.
    Path path(String name, Path otherwise) {
      String value = text(name);
      if (value == null) {
        return otherwise;
      }
      String expanded =
          VARIABLE
              .matcher(value)
              .replaceAll(
                  found -> {
                    String variable = found.group(1) == null ? found.group(2) : found.group(1);
                    return Matcher.quoteReplacement(
                        environment.getOrDefault(variable, found.group()));
                  });
      if (expanded.equals("~") || expanded.startsWith("~/")) {
        return user.resolve(expanded.substring(Math.min(2, expanded.length())));
      }
      return Path.of(expanded);
    }
  }
}
