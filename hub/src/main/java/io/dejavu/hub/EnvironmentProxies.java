package io.dejavu.hub;

import java.io.IOException;
import java.net.Authenticator;
import java.net.InetSocketAddress;
import java.net.PasswordAuthentication;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Proxies as the variables `https_proxy`, `http_proxy`, `all_proxy` and `no_proxy` name them, in
/// lower or upper case. Where none is named, the JDK's (`-Dhttps.proxyHost`).
final class EnvironmentProxies extends ProxySelector {
  private final @Nullable URI http;
  private final @Nullable URI https;
  private final List<String> without = new ArrayList<>();

  EnvironmentProxies(Map<String, String> environment) {
    String all = value(environment, "all_proxy");
    http = proxy("http_proxy", value(environment, "http_proxy"), all);
    https = proxy("https_proxy", value(environment, "https_proxy"), all);
    String exceptions = value(environment, "no_proxy");
    if (exceptions != null) {
      for (String host : exceptions.split(",", -1)) {
        if (!host.isBlank()) {
          without.add(host.strip().toLowerCase(Locale.ROOT));
        }
      }
    }
  }

  private static @Nullable String value(Map<String, String> environment, String name) {
    String value = environment.get(name);
    if (value == null) {
      value = environment.get(name.toUpperCase(Locale.ROOT));
    }
    return value == null || value.isBlank() ? null : value.strip();
  }

  private static @Nullable URI proxy(String name, @Nullable String own, @Nullable String all) {
    String text = own == null ? all : own;
    if (text == null) {
      return null;
    }
    try {
      var uri = URI.create(text.contains("://") ? text : "http://" + text);
      if (uri.getHost() != null && "http".equals(uri.getScheme())) {
        return uri;
      }
    } catch (IllegalArgumentException _) {
      // Said below, without its password.
    }
    throw new IllegalArgumentException(name + " is not an address such as http://host:3128");
  }

  @Override
  public List<Proxy> select(URI uri) {
    URI proxy = "https".equals(uri.getScheme()) ? https : http;
    if (proxy == null) {
      var usual = ProxySelector.getDefault();
      return http != null || https != null || usual == null
          ? List.of(Proxy.NO_PROXY)
          : usual.select(uri);
    }
    if (isExcepted(uri)) {
      return List.of(Proxy.NO_PROXY);
    }
    int port = proxy.getPort() < 0 ? 80 : proxy.getPort();
    return List.of(new Proxy(Proxy.Type.HTTP, new InetSocketAddress(proxy.getHost(), port)));
  }

  private boolean isExcepted(URI uri) {
    String host = uri.getHost().toLowerCase(Locale.ROOT);
    for (String exception : without) {
      String suffix = exception.startsWith("*.") ? exception.substring(1) : exception;
      String domain = suffix.startsWith(".") ? suffix : "." + suffix;
      if (exception.equals("*")
          || host.equals(domain.substring(1))
          || host.endsWith(domain)
          || (host + ":" + uri.getPort()).equals(suffix)) {
        return true;
      }
    }
    return false;
  }

  @Override
  public void connectFailed(URI uri, SocketAddress address, IOException why) {
    // The request fails and says so.
  }

  boolean hasPasswords() {
    return (http != null && http.getUserInfo() != null)
        || (https != null && https.getUserInfo() != null);
  }

  /// Answers the proxies named here, and no other server.
  Authenticator authenticator() {
    return new Authenticator() {
      @Override
      protected @Nullable PasswordAuthentication getPasswordAuthentication() {
        if (getRequestorType() != RequestorType.PROXY) {
          return null;
        }
        for (URI proxy : new URI[] {https, http}) {
          if (proxy != null
              && proxy.getUserInfo() != null
              && proxy.getHost().equalsIgnoreCase(getRequestingHost())) {
            String[] parts = proxy.getUserInfo().split(":", 2);
            return new PasswordAuthentication(
                parts[0], (parts.length == 2 ? parts[1] : "").toCharArray());
          }
        }
        return null;
      }
    };
  }
}
