package io.dejavu.kv;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/// What a block holds, given all that is before it in its sequence: SHA-256 of the hash of the
/// block before and of its own tokens. Two blocks with the same hash hold the same keys and values,
/// anywhere and for ever: nobody can find two texts that collide, by chance or on purpose.
///
/// Source of the chain: vLLM's automatic prefix caching (Kwon et al. 2023, PagedAttention, §4.4,
/// shares blocks; the hash names them).
public record BlockHash(long a, long b, long c, long d) {
  /// The hash before the first block.
  ///
  /// @param scope what tells caches apart that must not be mixed: the model with all that decides
  ///   about its keys and values, and the tenant
  public static BlockHash root(String... scope) {
    var digest = sha256();
    for (String part : scope) {
      byte[] bytes = part.getBytes(UTF_8);
      digest.update(ByteBuffer.allocate(4).putInt(0, bytes.length));
      digest.update(bytes);
    }
    return of(digest);
  }

  /// The hash of the block after this one, which holds `tokens[start, end)`.
  public BlockHash next(int[] tokens, int start, int end) {
    var bytes = ByteBuffer.allocate(4 * Long.BYTES + (end - start) * Integer.BYTES);
    bytes.putLong(a).putLong(b).putLong(c).putLong(d);
    for (int i = start; i < end; i++) {
      bytes.putInt(tokens[i]);
    }
    var digest = sha256();
    digest.update(bytes.flip());
    return of(digest);
  }

  private static BlockHash of(MessageDigest digest) {
    var hash = ByteBuffer.wrap(digest.digest());
    return new BlockHash(hash.getLong(), hash.getLong(), hash.getLong(), hash.getLong());
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  @Override
  public int hashCode() {
    return (int) a;
  }

  @Override
  public String toString() {
    return HexFormat.of().toHexDigits(a);
  }
}
