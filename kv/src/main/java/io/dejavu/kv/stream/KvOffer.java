package io.dejavu.kv.stream;

import io.dejavu.kv.HeadRange;
import io.dejavu.kv.KvLayout;
import io.dejavu.kv.KvSlice;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.Regions;
import io.dejavu.kv.Route;
import io.dejavu.kv.TokenRange;
import io.dejavu.tensor.DType;

/// What a sender would like to send: the keys and values of one request that one shard of one stage
/// has and another one needs. All that both sides must agree on before a byte moves.
///
/// @param request its number, the same for all that send or receive parts of it
/// @param epoch of who sends: if the request moves to another owner, that one's is greater, and
///   what the former still sends is refused
/// @param layers of the model
/// @param heads kv heads of the model
/// @param headSize D
/// @param type of an element
/// @param wireTokens W of the wire order, see {@link Regions}; best the sender's S
/// @param tokens positions that may come: the stream is complete up to some token if all from the
///   first one on have arrived
public record KvOffer(
    long request,
    int epoch,
    LayerRange layers,
    HeadRange heads,
    int headSize,
    DType type,
    int wireTokens,
    TokenRange tokens) {
  public KvOffer {
    if (epoch < 0 || headSize < 1 || wireTokens < 1 || Integer.bitCount(wireTokens) != 1) {
      throw new IllegalArgumentException(
          "request %d in epoch %d, heads of size %d, chunks of %d tokens"
              .formatted(request, epoch, headSize, wireTokens));
    }
  }

  /// All that a memory of this layout has, of a sequence of at most so many tokens.
  public static KvOffer all(long request, int epoch, KvLayout layout, int mostTokens) {
    return new KvOffer(
        request,
        epoch,
        layout.layers(),
        layout.heads(),
        layout.headSize(),
        layout.type(),
        layout.blockTokens(),
        new TokenRange(0, mostTokens));
  }

  /// The same from one shard of one stage to one of the other side.
  public KvOffer to(Route route) {
    return new KvOffer(
        request, epoch, route.layers(), route.heads(), headSize, type, wireTokens, tokens);
  }

  /// The same from a token on: those before it are at the receiver.
  ///
  /// @throws IllegalArgumentException if no token is left
  public KvOffer from(int token) {
    var rest = new TokenRange(token, tokens.end());
    return new KvOffer(request, epoch, layers, heads, headSize, type, wireTokens, rest);
  }

  /// Bytes of one token in one layer, keys and values.
  public long tokenBytes() {
    return type.bytes(2L * heads.count() * headSize);
  }

  KvSlice slice(LayerRange some, TokenRange range) {
    return new KvSlice(some, range, heads);
  }

  boolean contains(LayerRange some, TokenRange range) {
    return layers.contains(some) && tokens.start() <= range.start() && range.end() <= tokens.end();
  }

  /// @throws IllegalArgumentException if a memory of this layout does not have these layers and
  ///   heads, or has them in another form
  void requireIn(KvLayout layout) {
    if (!layout.layers().contains(layers)
        || !layout.heads().contains(heads)
        || layout.headSize() != headSize
        || layout.type() != type) {
      throw new IllegalArgumentException("no place for %s in %s".formatted(this, layout));
    }
  }
}
