package io.dejavu.api;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.regex.Pattern;

/// One block of a PEM file (RFC 7468).
///
/// @param label such as `CERTIFICATE`
/// @param der what it holds
record Pem(String label, byte[] der) {
  private static final int MOST_BYTES = 1 << 20;
  private static final Pattern BLOCK =
      Pattern.compile("(?s)-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \\1-----");

  /// All blocks of a file.
  ///
  /// @throws IllegalArgumentException if it cannot be read or has none
  static List<Pem> read(Path file) {
    var blocks = new ArrayList<Pem>();
    var matcher = BLOCK.matcher(text(file));
    while (matcher.find()) {
      String body = matcher.group(2);
      if (body.contains(":")) { // headers of RFC 1421, which encrypted keys have
        throw new IllegalArgumentException(
            file + " is encrypted; `openssl pkey -in FILE -out FILE` decrypts it");
      }
      try {
        blocks.add(new Pem(matcher.group(1), Base64.getMimeDecoder().decode(body)));
      } catch (IllegalArgumentException e) {
        throw new IllegalArgumentException(file + " is damaged: its base64 is broken", e);
      }
    }
    if (blocks.isEmpty()) {
      throw new IllegalArgumentException(
          file + " is not in PEM format: it has no line -----BEGIN …-----");
    }
    return blocks;
  }

  private static String text(Path file) {
    try {
      if (Files.size(file) > MOST_BYTES) {
        throw new IllegalArgumentException(file + " is too large for a PEM file");
      }
      // Bytes that are no UTF-8, as in a DER file, are no PEM either.
      return new String(Files.readAllBytes(file), ISO_8859_1);
    } catch (NoSuchFileException e) {
      throw new IllegalArgumentException(file + " does not exist", e);
    } catch (IOException e) {
      throw new IllegalArgumentException("%s cannot be read: %s".formatted(file, e), e);
    }
  }
}
