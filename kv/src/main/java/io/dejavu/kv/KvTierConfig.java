package io.dejavu.kv;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// Where blocks go that the prefix cache has no room for.
///
/// @param hostBytes most host memory for them; taken when it is needed. 0: none
/// @param disk directory for them, there for the next process too; null: none
/// @param diskBytes most that they may take there
public record KvTierConfig(long hostBytes, @Nullable Path disk, long diskBytes) {
  public static final KvTierConfig NONE = new KvTierConfig(0, null, 16L << 30);

  public KvTierConfig {
    if (hostBytes < 0 || diskBytes < 1) {
      throw new IllegalArgumentException(
          "%d bytes of host memory and %d of disk for blocks".formatted(hostBytes, diskBytes));
    }
  }
}
