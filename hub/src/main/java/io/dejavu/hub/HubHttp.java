package io.dejavu.hub;

import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// Requests to the hub and to where it redirects. The token goes to the hub's own host only.
final class HubHttp implements AutoCloseable {
  private static final Set<Integer> REDIRECTS = Set.of(301, 302, 303, 307, 308);
  private static final int MOST_REDIRECTS = 10;

  private final HubConfig config;
  private final HttpClient client;

  HubHttp(HubConfig config) {
    this.config = config;
    var builder =
        HttpClient.newBuilder()
            // One file per connection is what downloads want; 2 would share one among all.
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(config.connectPatience())
            .proxy(config.proxies());
    if (config.proxies() instanceof EnvironmentProxies proxies && proxies.hasPasswords()) {
      // The JDK sends no Basic password to a proxy for https unless told so, before its first use.
      if (System.getProperty("jdk.http.auth.tunneling.disabledSchemes") == null) {
        System.setProperty("jdk.http.auth.tunneling.disabledSchemes", "");
      }
      builder.authenticator(proxies.authenticator());
    }
    client = builder.build();
  }

  /// Follows redirects to the end.
  ///
  /// @throws HubException.Passing if there is no answer
  Answer get(URI uri, Map<String, String> headers) throws InterruptedException {
    return follow("GET", uri, headers, true);
  }

  /// Follows redirects within the hub only: its own answer names the content, not that of the
  /// server where the bytes lie.
  Answer head(URI uri) throws InterruptedException {
    return follow("HEAD", uri, Map.of(), false);
  }

  private Answer follow(String method, URI uri, Map<String, String> headers, boolean toOthers)
      throws InterruptedException {
    URI at = uri;
    for (int hop = 0; hop <= MOST_REDIRECTS; hop++) {
      var answer = send(method, at, headers);
      String location = answer.header("Location");
      if (!REDIRECTS.contains(answer.status()) || location == null) {
        return answer;
      }
      URI next = target(at, location);
      if (!toOthers && !isHub(next)) {
        return answer;
      }
      answer.close();
      at = next;
    }
    throw new HubException("%s: more than %d redirects".formatted(place(uri), MOST_REDIRECTS));
  }

  private static URI target(URI from, String location) {
    URI next;
    try {
      next = from.resolve(location);
    } catch (IllegalArgumentException e) {
      throw new HubException("%s redirects to no address".formatted(place(from)), e);
    }
    boolean safe = "https".equals(next.getScheme()) || from.getScheme().equals(next.getScheme());
    if (!safe || next.getHost() == null) {
      throw new HubException(
          "%s redirects to %s, which is not followed".formatted(place(from), place(next)));
    }
    return next;
  }

  private Answer send(String method, URI uri, Map<String, String> headers)
      throws InterruptedException {
    var request =
        HttpRequest.newBuilder(uri)
            .method(method, HttpRequest.BodyPublishers.noBody())
            .header("User-Agent", "dejavu")
            .header("Accept-Encoding", "identity");
    headers.forEach(request::header);
    if (config.token() != null && isHub(uri)) {
      request.header("Authorization", "Bearer " + config.token());
    }
    // No timeout of the request: from Java 26 on it would cover the whole body.
    var sent = client.sendAsync(request.build(), _ -> new Chunks());
    Duration patience = config.connectPatience().plus(config.silence());
    try {
      var response = sent.get(patience.toMillis(), TimeUnit.MILLISECONDS);
      return new Answer(uri, response.statusCode(), response.headers(), response.body());
    } catch (ExecutionException e) {
      var cause = e.getCause() == null ? e : e.getCause();
      String why =
          cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
      throw new HubException.Passing(
          cause instanceof ConnectException
              ? "%s cannot be reached; a proxy would be named in https_proxy".formatted(place(uri))
              : "%s: no answer (%s)".formatted(place(uri), why),
          cause);
    } catch (TimeoutException e) {
      throw new HubException.Passing(
          "%s: no answer within %d s".formatted(place(uri), patience.toSeconds()), e);
    } finally {
      sent.cancel(true);
    }
  }

  private boolean isHub(URI uri) {
    URI hub = config.endpoint();
    return hub.getScheme().equals(uri.getScheme())
        && hub.getHost().equalsIgnoreCase(uri.getHost())
        && port(hub) == port(uri);
  }

  private static int port(URI uri) {
    return uri.getPort() >= 0 ? uri.getPort() : "https".equals(uri.getScheme()) ? 443 : 80;
  }

  /// Without the query, which may be a signature.
  static String place(URI uri) {
    String port = uri.getPort() < 0 ? "" : ":" + uri.getPort();
    return "%s://%s%s%s".formatted(uri.getScheme(), uri.getHost(), port, uri.getRawPath());
  }

  @Override
  public void close() {
    client.shutdownNow();
  }
}
