package io.dejavu.api;

import io.helidon.http.HeaderName;
import io.helidon.http.HeaderNames;
import io.helidon.http.Status;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The web page at `/`: a playground and the server as it is. Its files are listed here, so that
/// nothing else can be asked for; they come out of this jar and, the one of Chart.js, out of its
/// own. No file asks for anything of another host.
final class WebPage {
  /// Only what this server sends runs or is shown, and only this server is talked to.
  static final String POLICY =
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
          + " base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

  static final List<Asset> ASSETS =
      List.of(
          new Asset("/", "text/html; charset=utf-8", "web/index.html"),
          new Asset("/assets/page.css", "text/css; charset=utf-8", "web/page.css"),
          new Asset("/assets/playground.js", "text/javascript; charset=utf-8", "web/playground.js"),
          new Asset("/assets/live.js", "text/javascript; charset=utf-8", "web/live.js"),
          new Asset("/assets/icon.svg", "image/svg+xml", "web/icon.svg"),
          new Asset(
              "/assets/chart.js",
              "text/javascript; charset=utf-8",
              "/META-INF/resources/webjars/chart.js/4.4.9/dist/chart.umd.js"));

  private static final HeaderName POLICY_HEADER = HeaderNames.create("Content-Security-Policy");
  private static final HeaderName TYPE_OPTIONS = HeaderNames.create("X-Content-Type-Options");
  private static final HeaderName REFERRER = HeaderNames.create("Referrer-Policy");

  private WebPage() {}

  /// One file, read when it is asked for first.
  static final class Asset {
    private final String path;
    private final String type;
    private final String resource;
    private volatile @Nullable Content content;

    private record Content(byte[] bytes, String tag) {}

    private Asset(String path, String type, String resource) {
      this.path = path;
      this.type = type;
      this.resource = resource;
    }

    String path() {
      return path;
    }

    String type() {
      return type;
    }

    void send(ServerRequest request, ServerResponse response) {
      var present = content();
      response.header(POLICY_HEADER, POLICY);
      response.header(TYPE_OPTIONS, "nosniff");
      response.header(REFERRER, "no-referrer");
      response.header(
          HeaderNames.CACHE_CONTROL, "no-cache"); // ask, and be told that it is the same
      response.header(HeaderNames.ETAG, present.tag);
      if (request.headers().value(HeaderNames.IF_NONE_MATCH).orElse("").contains(present.tag)) {
        response.status(Status.NOT_MODIFIED_304);
        response.send();
      } else {
        response.header(HeaderNames.CONTENT_TYPE, type);
        response.send(present.bytes);
      }
    }

    private Content content() {
      var present = content;
      if (present == null) {
        byte[] bytes = read(resource);
        present = new Content(bytes, tag(bytes));
        content = present;
      }
      return present;
    }
  }

  private static byte[] read(String resource) {
    try (InputStream in =
        resource.startsWith("/")
            ? ClassLoader.getSystemResourceAsStream(resource.substring(1))
            : WebPage.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IllegalStateException("%s is missing in this installation".formatted(resource));
      }
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(resource, e);
    }
  }

  private static String tag(byte[] bytes) {
    try {
      byte[] hash = MessageDigest.getInstance("SHA-256").digest(bytes);
      return '"' + HexFormat.of().formatHex(hash, 0, 8) + '"';
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
