package io.dejavu.kv.disk;

import io.dejavu.kv.BlockHash;
import io.dejavu.kv.KvLayout;
import io.dejavu.kv.KvSlice;
import io.dejavu.kv.TokenRange;

/// What a record of keys and values holds, as the record itself says.
///
/// @param content what comes before it and what it holds, by hash; of a slice that is not shared,
///   any name
/// @param request whose keys and values they are; -1: of everybody whose text begins like this
/// @param slice which part of them
/// @param tokensPerSecond how fast prompts were computed by whoever has written it: what reading it
///   saves; 0: not known
public record KvLabel(BlockHash content, long request, KvSlice slice, double tokensPerSecond) {
  /// A full block that anybody may share.
  ///
  /// @param layout of the memory it is from
  public static KvLabel block(BlockHash content, KvLayout layout, double tokensPerSecond) {
    var slice =
        new KvSlice(layout.layers(), new TokenRange(0, layout.blockTokens()), layout.heads());
    return new KvLabel(content, -1, slice, tokensPerSecond);
  }
}
