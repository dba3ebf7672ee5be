package io.dejavu.workload;

import java.net.URI;
import java.time.Duration;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// An OpenAI server and how it is asked.
///
/// @param base scheme, host, port and path before `/v1`
/// @param endpoint what is asked
/// @param model as the server calls it; empty: the first that it names
/// @param apiKey null: none
/// @param form how prompts are sent; chat has text only
/// @param ignoreEos whether the server is asked to go on after its end tokens, so that answers have
///   exactly the planned length
/// @param deadline longest time of one request
/// @param connectPatience longest time until a connection is made
/// @param extra fields added to every request, or instead of ours
public record TargetConfig(
    URI base,
    Endpoint endpoint,
    String model,
    @Nullable String apiKey,
    PromptForm form,
    boolean ignoreEos,
    Duration deadline,
    Duration connectPatience,
    ObjectNode extra) {
  /// Which of OpenAI's paths.
  public enum Endpoint {
    COMPLETIONS("/v1/completions"),
    CHAT("/v1/chat/completions");

    public final String path;

    Endpoint(String path) {
      this.path = path;
    }
  }

  /// How a prompt is written in a request.
  public enum PromptForm {
    TOKENS,
    TEXT
  }

  public static final TargetConfig DEFAULT =
      new TargetConfig(
          URI.create("http://127.0.0.1:8080"),
          Endpoint.COMPLETIONS,
          "",
          null,
          PromptForm.TOKENS,
          true,
          Duration.ofMinutes(10),
          Duration.ofSeconds(10),
          JsonNodeFactory.instance.objectNode());

  public TargetConfig {
    if (endpoint == Endpoint.CHAT && form == PromptForm.TOKENS) {
      throw new IllegalArgumentException("a chat has text, not token ids");
    }
    if (!deadline.isPositive() || !connectPatience.isPositive()) {
      throw new IllegalArgumentException("deadlines %s, %s".formatted(deadline, connectPatience));
    }
    extra = extra.deepCopy();
  }

  /// @param url with or without the `/v1` that clients of OpenAI give
  /// @throws IllegalArgumentException if it is not an address of a server
  public static URI base(String url) {
    String cut = url.strip().replaceFirst("/+$", "").replaceFirst("/v1$", "");
    URI uri;
    try {
      uri = URI.create(cut);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("'%s' is not a URL".formatted(url), e);
    }
    String scheme = uri.getScheme() == null ? "" : uri.getScheme().toLowerCase(Locale.ROOT);
    if (uri.getHost() == null || !(scheme.equals("http") || scheme.equals("https"))) {
      throw new IllegalArgumentException(
          "'%s' is not a URL such as http://127.0.0.1:8080".formatted(url));
    }
    return uri;
  }

  TargetConfig withModel(String name) {
    return new TargetConfig(
        base, endpoint, name, apiKey, form, ignoreEos, deadline, connectPatience, extra);
  }
}
