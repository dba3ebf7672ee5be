package io.dejavu.transport;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/// What all processes of a cluster know and nobody else. Whoever proves to know it is let in. It
/// never crosses a link itself; because its proofs do, it has to be long and random, for example
/// from `openssl rand -hex 32`.
public final class SharedSecret {
  /// Fewest bytes.
  public static final int FEWEST_BYTES = 16;

  private static final String HMAC = "HmacSHA256";

  private final SecretKeySpec key;

  private SharedSecret(byte[] bytes) {
    if (bytes.length < FEWEST_BYTES) {
      throw new IllegalArgumentException(
          "a shared secret of %d bytes; it takes %d".formatted(bytes.length, FEWEST_BYTES));
    }
    key = new SecretKeySpec(bytes, HMAC);
  }

  /// @param text at least {@link #FEWEST_BYTES} bytes in UTF-8
  public static SharedSecret of(String text) {
    return new SharedSecret(text.getBytes(StandardCharsets.UTF_8));
  }

  /// A file's text without the white space around it.
  ///
  /// @throws IOException if the file cannot be read
  /// @throws IllegalArgumentException if it is too short
  public static SharedSecret read(Path file) throws IOException {
    return of(Files.readString(file).strip());
  }

  /// HMAC-SHA256 of the parts, one behind the other.
  byte[] proof(byte[]... parts) {
    try {
      Mac mac = Mac.getInstance(HMAC);
      mac.init(key);
      for (byte[] part : parts) {
        mac.update(part);
      }
      return mac.doFinal();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every JDK has " + HMAC, e);
    }
  }

  boolean isSameAs(SharedSecret other) {
    return MessageDigest.isEqual(key.getEncoded(), other.key.getEncoded());
  }

  @Override
  public String toString() {
    return "SharedSecret[hidden]";
  }
}
