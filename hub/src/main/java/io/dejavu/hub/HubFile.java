package io.dejavu.hub;

import java.util.regex.Pattern;

/// A file of a repository at one commit.
///
/// @param name a plain name, in one folder at most, as in `1_Pooling/config.json`
/// @param bytes its length
/// @param etag names its content: the SHA-256 of large files, git's hash of others
record HubFile(String name, long bytes, String etag) {
  // It becomes the name of a file.
  private static final Pattern ETAG = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}");

  HubFile {
    if (!isSafe(name)) {
      throw new HubException("\"%s\" is not the plain name of a file".formatted(name));
    }
    if (bytes < 0 || !ETAG.matcher(etag).matches()) {
      throw new HubException(
          "the hub says that %s has %d bytes and the hash \"%s\"".formatted(name, bytes, etag));
    }
  }

  /// Whether a file of this name lies in the folder that it is resolved against or in one of its
  /// folders, and nowhere else.
  static boolean isSafe(String name) {
    int slash = name.indexOf('/');
    return isPlain(name.substring(slash + 1)) && (slash < 0 || isPlain(name.substring(0, slash)));
  }

  /// Whether a file of this name lies in the folder that it is resolved against, and nowhere else.
  static boolean isPlain(String name) {
    return !name.isEmpty()
        && name.length() <= 200
        && !name.startsWith(".")
        && name.chars().noneMatch(c -> c == '/' || c == '\\' || c == ':' || c < ' ' || c == 0x7f);
  }
}
