package io.dejavu.hub;

import java.util.Optional;
import java.util.regex.Pattern;

/// A model on the hub at a revision, as people write it: `ORG/NAME` or `ORG/NAME@REVISION`.
///
/// @param repo `ORG/NAME`
/// @param revision a branch, a tag or a commit
public record HubName(String repo, String revision) {
  public static final String MAIN = "main";

  // The hub's own rules: letters, digits, "-", "_", "."; not "-" or "." at an end, no "--", no
  // "..".
  private static final String WORD = "[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?";
  private static final Pattern REPO = Pattern.compile(WORD + "/" + WORD);
  private static final Pattern REVISION = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_./+-]*");
  private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");

  public HubName {
    if (!isRepo(repo)) {
      throw new IllegalArgumentException("\"%s\" is not ORG/NAME".formatted(repo));
    }
    if (!REVISION.matcher(revision).matches()
        || revision.contains("..")
        || revision.contains("//")
        || revision.endsWith("/")
        || revision.length() > 200) {
      throw new IllegalArgumentException(
          "\"%s\" is not a branch, tag or commit".formatted(revision));
    }
  }

  /// Empty if `text` does not look like a model of the hub at all.
  ///
  /// @throws IllegalArgumentException if it does, but its revision is none
  public static Optional<HubName> parse(String text) {
    int at = text.indexOf('@');
    String repo = at < 0 ? text : text.substring(0, at);
    if (!isRepo(repo)) {
      return Optional.empty();
    }
    return Optional.of(new HubName(repo, at < 0 ? MAIN : text.substring(at + 1)));
  }

  private static boolean isRepo(String repo) {
    return repo.length() <= 96
        && REPO.matcher(repo).matches()
        && !repo.contains("--")
        && !repo.contains("..")
        && !repo.endsWith(".git");
  }

  public HubName at(String otherRevision) {
    return new HubName(repo, otherRevision);
  }

  /// Whether the revision names one state of the files for ever.
  public boolean isCommit() {
    return isCommit(revision);
  }

  static boolean isCommit(String revision) {
    return COMMIT.matcher(revision).matches();
  }

  @Override
  public String toString() {
    return revision.equals(MAIN) ? repo : repo + "@" + revision;
  }
}
