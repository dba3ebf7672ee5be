package io.dejavu.serve;

import io.dejavu.api.Access;
import io.dejavu.api.ApiConfig;
import io.dejavu.api.ApiKeyFile;
import io.dejavu.api.ApiKeys;
import io.dejavu.api.RateLimits;
import io.dejavu.api.ServerTls;
import io.dejavu.serve.cli.ByteSize;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// Who may use the server, how much, and how the connection is protected.
final class AccessOptions {
  private static final String KEY_VARIABLE = "DEJAVU_API_KEY";

  @Option(
      names = "--api-key",
      paramLabel = "KEY",
      description =
          "Clients must send this key. Others on this machine can see it in the list of processes:"
              + " the environment variable DEJAVU_API_KEY or --api-key-file hide it.")
  @Nullable String apiKey;

  @Option(
      names = "--api-key-file",
      paramLabel = "FILE",
      description =
          "Clients must send one of these keys: a name:key or a key per line, # begins a comment."
              + " Read again when it changes.")
  @Nullable Path apiKeyFile;

  @Option(
      names = "--rate-limit",
      paramLabel = "N",
      description = "Most requests per minute of each key. Default: unlimited.")
  long rateLimit;

  @Option(
      names = "--token-rate-limit",
      paramLabel = "N",
      description =
          "Most tokens per minute of each key, those of prompts and answers. Default: unlimited.")
  long tokenRateLimit;

  @Option(
      names = "--allowed-origin",
      paramLabel = "ORIGIN",
      split = ",",
      description =
          "Web pages of this origin, such as https://chat.example.com, may use the server from a"
              + " browser (CORS); several, separated by commas; * is all. Default: its own pages"
              + " only.")
  List<String> allowedOrigins = List.of();

  @Option(
      names = "--open-metrics",
      description = "Lets /metrics, and /stats of the web page, be read without a key.")
  boolean openMetrics;

  @Option(
      names = "--tls-cert",
      paramLabel = "PEM",
      description =
          "Serves HTTPS with this certificate, followed in the file by those that vouch for it.")
  @Nullable Path tlsCert;

  @Option(
      names = "--tls-key",
      paramLabel = "PEM",
      description = "The certificate's private key, not encrypted: PKCS#8, PKCS#1 or SEC 1.")
  @Nullable Path tlsKey;

  @Option(
      names = "--tls-client-ca",
      paramLabel = "PEM",
      description = "Clients must have a certificate for which one of these vouches.")
  @Nullable Path tlsClientCa;

  @Option(
      names = "--max-body",
      paramLabel = "SIZE",
      converter = ByteSize.class,
      description = "Largest body of a request. Default: 8M.")
  long maxBody = ApiConfig.DEFAULT.bodyBytes();

  @Option(
      names = "--max-requests",
      paramLabel = "N",
      description = "Most requests under way at once; more get 429. Default: 1024.")
  int maxRequests = ApiConfig.DEFAULT.requests();

  @Option(
      names = "--max-connections",
      paramLabel = "N",
      description = "Most open connections; more wait to be accepted. Default: 4096.")
  int maxConnections = ApiConfig.DEFAULT.connections();

  /// @param environment of the process
  /// @throws IllegalArgumentException if the values, or what the files hold, cannot be used
  ApiConfig apply(ApiConfig config, Map<String, String> environment) {
    if (maxBody > 1L << 30) {
      throw new IllegalArgumentException("--max-body is %d, at most 1G".formatted(maxBody));
    }
    if (rateLimit < 0 || tokenRateLimit < 0) {
      throw new IllegalArgumentException("a rate limit must not be negative");
    }
    var access =
        new Access(
            keys(environment.getOrDefault(KEY_VARIABLE, "")),
            new RateLimits(rateLimit, tokenRateLimit),
            new HashSet<>(allowedOrigins),
            openMetrics);
    var limited = config.limited((int) maxBody, maxRequests, maxConnections).with(access);
    var tls = tls();
    return tls == null ? limited : limited.with(tls);
  }

  private Supplier<ApiKeys> keys(String fromEnvironment) {
    var single = ApiKeys.NONE;
    if (apiKey != null) {
      single = ApiKeys.of(apiKey);
    } else if (!fromEnvironment.isEmpty()) {
      single = ApiKeys.of(fromEnvironment);
    }
    if (apiKeyFile == null) {
      var only = single;
      return () -> only;
    }
    var file = ApiKeyFile.open(apiKeyFile, InstantSource.system());
    var more = single;
    return more.isEmpty() ? file : () -> file.get().and(more);
  }

  private @Nullable ServerTls tls() {
    if (tlsCert == null && tlsKey == null && tlsClientCa == null) {
      return null;
    }
    if (tlsCert == null || tlsKey == null) {
      throw new IllegalArgumentException("--tls-cert and --tls-key belong together");
    }
    return ServerTls.load(tlsCert, tlsKey, tlsClientCa, InstantSource.system());
  }
}
