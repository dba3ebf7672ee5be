package io.dejavu.model;

/// Turns generated tokens into text while they come: of each, the characters that are complete with
/// it. What it returns, joined, is the text of all tokens; no piece ends within a character.
///
/// A token is some bytes of UTF-8. Bytes that begin a character wait for its rest, at most three of
/// them; bytes that cannot be one become U+FFFD, one for each longest beginning of a character (as
/// Unicode recommends and the Hugging Face library does for byte-level vocabularies; where a
/// vocabulary has single bytes as a fallback, it replaces the intact neighbours of a broken
/// character too, which a stream has sent already).
///
/// One sequence, one thread. A token costs what its own bytes cost.
public final class TextDecoder {
  private final Tokenizer tokenizer;
  private final boolean skipSpecial;
  private final StringBuilder text = new StringBuilder();
  private boolean first;
  // A character's beginning: its bits so far, how many bytes it still needs, and the range in
  // which the next one must lie.
  private int bits;
  private int missing;
  private int least;
  private int most;

  /// @param prompt what precedes: after it the first word keeps its space
  public TextDecoder(Tokenizer tokenizer, boolean skipSpecial, int... prompt) {
    this.tokenizer = tokenizer;
    this.skipSpecial = skipSpecial;
    this.first = true;
    for (int id : prompt) {
      first &= skipSpecial && tokenizer.isSpecial(id);
    }
  }

  /// The text that is complete with `id`, often empty.
  public String push(int id) {
    if (!(skipSpecial && tokenizer.isSpecial(id))) {
      for (byte b : tokenizer.bytes(id, first)) {
        append(b);
      }
      first = false;
    }
    return take();
  }

  /// What was waiting for more: at most one U+FFFD. Afterwards it is at the end of a character.
  public String flush() {
    giveUp();
    return take();
  }

  private String take() {
    var taken = text.toString();
    text.setLength(0);
    return taken;
  }

  private void append(byte signed) {
    int b = Byte.toUnsignedInt(signed);
    if (missing > 0 && (b < least || b > most)) {
      giveUp();
    }
    if (missing > 0) {
      bits = bits << 6 | b & 0x3f;
      range(0x80, 0xbf);
      missing--;
      if (missing == 0) {
        text.appendCodePoint(bits);
      }
      return;
    }
    // Unicode 16, table 3-7: which bytes may begin a character, and what may come second.
    range(0x80, 0xbf);
    if (b < 0x80) {
      text.append((char) b);
    } else if (b >= 0xc2 && b <= 0xdf) {
      begin(b & 0x1f, 1);
    } else if (b >= 0xe0 && b <= 0xef) {
      range(b == 0xe0 ? 0xa0 : 0x80, b == 0xed ? 0x9f : 0xbf);
      begin(b & 0xf, 2);
    } else if (b >= 0xf0 && b <= 0xf4) {
      range(b == 0xf0 ? 0x90 : 0x80, b == 0xf4 ? 0x8f : 0xbf);
      begin(b & 7, 3);
    } else {
      text.append('\ufffd');
    }
  }

  private void begin(int lead, int more) {
    bits = lead;
    missing = more;
  }

  private void range(int from, int to) {
    least = from;
    most = to;
  }

  private void giveUp() {
    if (missing > 0) {
      text.append('\ufffd');
      missing = 0;
    }
  }
}
