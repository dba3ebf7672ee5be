package io.dejavu.api;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// Keys that open the server, and the names they are known by. A value; only hashes of the keys are
/// kept.
///
/// How long a look-up takes says nothing about a key: what is presented is hashed, and compared
/// with all hashes in constant time.
public final class ApiKeys {
  /// No keys: everybody may enter.
  public static final ApiKeys NONE = new ApiKeys(List.of());

  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]{1,64}");
  private static final Pattern KEY = Pattern.compile("[\\x21-\\x7e]{1,512}");

  private static final Pattern COMMENT = Pattern.compile("(^|\\s)#.*");

  private final List<Entry> entries;

  private record Entry(String name, byte[] hash) {}

  private ApiKeys(List<Entry> entries) {
    this.entries = List.copyOf(entries);
  }

  /// A single key.
  ///
  /// @throws IllegalArgumentException if it has other characters than visible ASCII; does not say
  ///   which
  public static ApiKeys of(String key) {
    return new ApiKeys(List.of(entry(null, key, "the API key")));
  }

  /// One key per line, `name:key` or `key`; empty lines, and `#` at the beginning or after white
  /// space with what follows it, are skipped. Several keys may have the same name: then they are
  /// one client's. A key without a name is called after its hash.
  ///
  /// @param source named in errors, which never contain a key
  /// @throws IllegalArgumentException if a line is something else, or there is no key
  public static ApiKeys parse(String text, String source) {
    var entries = new ArrayList<Entry>();
    int number = 0;
    for (String line : text.lines().toList()) {
      number++;
      String stripped = COMMENT.matcher(line).replaceFirst("").strip();
      if (stripped.isEmpty()) {
        continue;
      }
      String where = "%s, line %d".formatted(source, number);
      int colon = stripped.indexOf(':');
      entries.add(
          colon < 0
              ? entry(null, stripped, where)
              : entry(
                  stripped.substring(0, colon).strip(),
                  stripped.substring(colon + 1).strip(),
                  where));
    }
    if (entries.isEmpty()) {
      throw new IllegalArgumentException(source + " has no key");
    }
    return new ApiKeys(entries);
  }

  private static Entry entry(@Nullable String name, String key, String where) {
    if (name != null && !NAME.matcher(name).matches()) {
      throw new IllegalArgumentException(
          where + ": a name has up to 64 letters, digits, dots, dashes and underscores");
    }
    if (!KEY.matcher(key).matches()) {
      throw new IllegalArgumentException(
          where + ": a key has 1 to 512 visible ASCII characters and no spaces");
    }
    byte[] hash = hash(key);
    return new Entry(name == null ? "key-" + HexFormat.of().formatHex(hash, 0, 4) : name, hash);
  }

  /// These and those.
  public ApiKeys and(ApiKeys others) {
    var all = new ArrayList<Entry>(entries);
    all.addAll(others.entries);
    return new ApiKeys(all);
  }

  public boolean isEmpty() {
    return entries.isEmpty();
  }

  int size() {
    return entries.size();
  }

  /// The name of a key, or null if it opens nothing.
  @Nullable String nameOf(String presented) {
    byte[] hash = hash(presented);
    String name = null;
    for (var entry : entries) {
      if (MessageDigest.isEqual(entry.hash, hash)) {
        name = entry.name;
      }
    }
    return name;
  }

  private static byte[] hash(String key) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(key.getBytes(UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  /// Without the keys.
  @Override
  public String toString() {
    return entries.size() + " keys";
  }
}
