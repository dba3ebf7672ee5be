package io.dejavu.serve.bench;

import io.dejavu.workload.PromptMaker;
import io.dejavu.workload.TargetConfig;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// Options that say which server is measured and how it is asked.
final class TargetOptions {
  @Option(
      names = "--base-url",
      paramLabel = "URL",
      description = "Server, with or without /v1. Default: http://127.0.0.1:8080.")
  String baseUrl = TargetConfig.DEFAULT.base().toString();

  @Option(
      names = "--endpoint",
      paramLabel = "NAME",
      description = "completions or chat. Default: completions.")
  TargetConfig.Endpoint endpoint = TargetConfig.Endpoint.COMPLETIONS;

  @Option(
      names = "--model",
      paramLabel = "NAME",
      description = "As the server calls it. Default: the first that it names.")
  String model = "";

  @Option(
      names = "--api-key",
      paramLabel = "KEY",
      description = "Sent as a bearer token. Default: the environment's OPENAI_API_KEY, if any.")
  @Nullable String apiKey;

  @Option(
      names = "--prompt",
      paramLabel = "FORM",
      description =
          "tokens: lists of token ids, of exact length; text: words, of about that length, which is"
              + " calibrated where the server has /tokenize. Default: tokens for completions, text"
              + " for chat.")
  TargetConfig.@Nullable PromptForm form;

  @Option(
      names = "--vocabulary",
      paramLabel = "N",
      description = "Token ids of prompts are below this. Default: 500.")
  int vocabulary = PromptMaker.DEFAULT_VOCABULARY;

  @Option(names = "--no-ignore-eos", description = "Answers may end before their planned length.")
  boolean mayEnd;

  @Option(
      names = "--extra-body",
      paramLabel = "JSON",
      description = "Fields added to every request, such as '{\"top_k\": 40}'.")
  String extraBody = "{}";

  @Option(
      names = "--timeout",
      paramLabel = "SECONDS",
      description = "Longest time for one request. Default: 600.")
  double timeout = TargetConfig.DEFAULT.deadline().toSeconds();

  /// @throws IllegalArgumentException if they do not go together
  TargetConfig config() {
    if (!(timeout > 0 && timeout <= 1e6)) {
      throw new IllegalArgumentException("--timeout is %s, must be over 0".formatted(timeout));
    }
    if (vocabulary <= PromptMaker.FIRST_TOKEN) {
      throw new IllegalArgumentException(
          "--vocabulary is %d, must be over %d".formatted(vocabulary, PromptMaker.FIRST_TOKEN));
    }
    var usual =
        endpoint == TargetConfig.Endpoint.CHAT
            ? TargetConfig.PromptForm.TEXT
            : TargetConfig.PromptForm.TOKENS;
    return new TargetConfig(
        TargetConfig.base(baseUrl),
        endpoint,
        model,
        apiKey == null ? System.getenv("OPENAI_API_KEY") : apiKey,
        form == null ? usual : form,
        !mayEnd,
        Duration.ofNanos((long) (timeout * 1e9)),
        TargetConfig.DEFAULT.connectPatience(),
        extra());
  }

  private ObjectNode extra() {
    try {
      if (extraBody.equals("{}")) {
        return JsonNodeFactory.instance.objectNode();
      }
      if (new JsonMapper().readTree(extraBody) instanceof ObjectNode object) {
        return object;
      }
    } catch (JacksonException e) {
      throw new IllegalArgumentException("--extra-body is not JSON: " + e.getOriginalMessage(), e);
    }
    throw new IllegalArgumentException("--extra-body is not a JSON object");
  }
}
