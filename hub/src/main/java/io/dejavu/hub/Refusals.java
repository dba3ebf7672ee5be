package io.dejavu.hub;

import org.jspecify.annotations.Nullable;

/// What an answer other than the wanted one means, in words that say what to do.
final class Refusals {
  private Refusals() {}

  /// @param file null: the repository as a whole was asked for
  static HubException of(Answer answer, HubConfig config, HubName name, @Nullable String file) {
    int status = answer.status();
    if (status == 408 || status == 429 || status >= 500) {
      return new HubException.Passing(
          "%s answers %d%s"
              .formatted(
                  HubHttp.place(answer.uri()),
                  status,
                  status == 429
                      ? " (too many requests; with a token, HF_TOKEN, more are free)"
                      : ""),
          answer.retryAfterSeconds());
    }
    String code = String.valueOf(answer.header("X-Error-Code"));
    String words = String.valueOf(answer.header("X-Error-Message"));
    boolean gated = code.equals("GatedRepo");
    if (status == 401 && words.contains("Invalid credentials")) {
      return new HubException(
          "%s does not accept the token in HF_TOKEN, or in the file that `hf auth login` wrote"
              .formatted(config.endpoint()));
    }
    if (gated || (status == 403 && !code.equals("RepoNotFound"))) {
      return new HubException(gated(config, name, words));
    }
    if (code.equals("RevisionNotFound")) {
      return new HubException(
          "%s at %s has no revision \"%s\""
              .formatted(name.repo(), config.endpoint(), name.revision()));
    }
    if (status == 401 || (status == 404 && (file == null || code.equals("RepoNotFound")))) {
      return new HubException(missing(config, name));
    }
    return new HubException(
        "%s: %s answers %d%s"
            .formatted(
                file == null ? name.toString() : name + "/" + file,
                HubHttp.place(answer.uri()),
                status,
                words.equals("null") ? "" : ", " + words));
  }

  private static String gated(HubConfig config, HubName name, String words) {
    String page = config.endpoint() + "/" + name.repo();
    if (config.token() == null) {
      return "%s is gated: accept its terms at %s, then set HF_TOKEN to a token of that account (%s/settings/tokens)"
          .formatted(name.repo(), page, config.endpoint());
    }
    return "%s is gated, and the account of the token in HF_TOKEN has no access: accept its terms at %s%s"
        .formatted(name.repo(), page, words.equals("null") ? "" : " (the hub says: " + words + ")");
  }

  private static String missing(HubConfig config, HubName name) {
    return "%s has no %s with revision \"%s\", or it is private, which looks the same: %s"
        .formatted(
            config.endpoint(),
            name.repo(),
            name.revision(),
            config.token() == null
                ? "then set HF_TOKEN to a token that may read it"
                : "then the token in HF_TOKEN may not read it");
  }
}
