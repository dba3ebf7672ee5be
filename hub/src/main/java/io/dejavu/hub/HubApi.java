package io.dejavu.hub;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.net.URI;
import java.net.URLEncoder;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// Asks the hub what a repository holds.
final class HubApi {
  private static final int LISTING_BYTES = 64 << 20;
  private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");
  private static final Pattern SHA1 = Pattern.compile("[0-9a-f]{40}");

  private final HubConfig config;
  private final HubHttp http;

  HubApi(HubConfig config, HubHttp http) {
    this.config = config;
    this.http = http;
  }

  /// The files of the commit that the name's revision is now.
  ///
  /// @param attempts how often what may pass is tried
  Listing list(HubName name, int attempts) throws InterruptedException {
    URI uri =
        URI.create(
            "%s/api/models/%s/revision/%s?blobs=true"
                .formatted(config.endpoint(), name.repo(), encoded(name.revision())));
    var pauses = new Pauses(config, attempts);
    while (true) {
      try (var answer = http.get(uri, Map.of("Accept", "application/json"))) {
        if (answer.status() != 200) {
          throw Refusals.of(answer, config, name, null);
        }
        return read(uri, answer.body().all(LISTING_BYTES, config.silence()));
      } catch (HubException.Passing e) {
        pauses.after(e);
      }
    }
  }

  /// One file, where the listing does not say enough of it.
  HubFile file(HubName name, String commit, String file) throws InterruptedException {
    URI uri = uri(name, commit, file);
    var pauses = new Pauses(config, config.attempts());
    while (true) {
      try (var answer = http.head(uri)) {
        if (answer.status() >= 400) {
          throw Refusals.of(answer, config, name, file);
        }
        String etag = answer.etag();
        long linked = answer.number("X-Linked-Size");
        long bytes = linked >= 0 ? linked : answer.number("Content-Length");
        if (etag == null || bytes < 0) {
          throw new HubException(
              "%s says neither hash nor length of %s".formatted(HubHttp.place(uri), file));
        }
        return new HubFile(file, bytes, etag);
      } catch (HubException.Passing e) {
        pauses.after(e);
      }
    }
  }

  URI uri(HubName name, String commit, String file) {
    return URI.create(
        "%s/%s/resolve/%s/%s"
            .formatted(config.endpoint(), name.repo(), commit, encoded(file).replace("%2F", "/")));
  }

  private static String encoded(String text) {
    return URLEncoder.encode(text, UTF_8).replace("+", "%20");
  }

  private static Listing read(URI uri, byte[] json) {
    JsonNode tree;
    try {
      tree = new JsonMapper().readTree(json);
    } catch (JacksonException e) {
      throw new HubException(
          "%s is not the hub: its answer is no JSON".formatted(HubHttp.place(uri)), e);
    }
    String commit = tree.path("sha").stringValue("");
    if (!HubName.isCommit(commit) || !tree.path("siblings").isArray()) {
      throw new HubException(
          "%s is not the hub: its answer has no \"sha\" and \"siblings\""
              .formatted(HubHttp.place(uri)));
    }
    var names = new HashSet<String>();
    var known = new HashMap<String, HubFile>();
    for (JsonNode sibling : tree.path("siblings")) {
      String name = sibling.path("rfilename").stringValue("");
      names.add(name);
      var file = file(name, sibling);
      if (file != null) {
        known.put(name, file);
      }
    }
    return new Listing(commit, names, known);
  }

  private static @Nullable HubFile file(String name, JsonNode sibling) {
    if (!HubFile.isSafe(name)) {
      return null; // deep in folders, or worse: not for us
    }
    var lfs = sibling.path("lfs");
    String etag =
        Stream.of(lfs.path("sha256").stringValue(""), lfs.path("oid").stringValue(""))
            .filter(hash -> SHA256.matcher(hash).matches())
            .findFirst()
            .orElse(lfs.isObject() ? "" : sibling.path("blobId").stringValue(""));
    long bytes = lfs.path("size").longValue(sibling.path("size").longValue(-1));
    boolean complete =
        bytes >= 0 && (SHA256.matcher(etag).matches() || SHA1.matcher(etag).matches());
    return complete ? new HubFile(name, bytes, etag) : null;
  }
}
