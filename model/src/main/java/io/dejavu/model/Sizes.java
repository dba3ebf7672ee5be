package io.dejavu.model;

/// How large a model is. Axes as in `io.dejavu.tensor`'s `module-info`.
///
/// @param vocabulary V
/// @param width M, of the residual stream
/// @param layers L
/// @param heads H
/// @param kvHeads K, divides `heads`
/// @param headSize D
/// @param feedForward F
/// @param maxPositions most tokens of a sequence that the model was made for
/// @param embedding width of the token embedding; `width` but for some OPT models, which project it
public record Sizes(
    int vocabulary,
    int width,
    int layers,
    int heads,
    int kvHeads,
    int headSize,
    int feedForward,
    int maxPositions,
    int embedding) {
  public Sizes {
    atLeastOne("vocabulary", vocabulary);
    atLeastOne("width", width);
    atLeastOne("layers", layers);
    atLeastOne("attention heads", heads);
    atLeastOne("key-value heads", kvHeads);
    atLeastOne("head size", headSize);
    atLeastOne("feed-forward width", feedForward);
    atLeastOne("positions", maxPositions);
    atLeastOne("embedding width", embedding);
    if (heads % kvHeads != 0) {
      throw new IllegalArgumentException(
          "%d attention heads do not divide among %d key-value heads".formatted(heads, kvHeads));
    }
  }

  private static void atLeastOne(String what, int value) {
    if (value < 1) {
      throw new IllegalArgumentException("the model's %s: %d".formatted(what, value));
    }
  }
}
