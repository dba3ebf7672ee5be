package io.dejavu.workload;

import java.util.List;
import org.apache.commons.rng.UniformRandomProvider;

/// Prompts for servers that read text only: common words in random order, about as many tokens as
/// wanted.
///
/// @param tokensPerWord of this server's tokenizer, on average
public record PromptText(double tokensPerWord) {
  /// What tokenizers of 32,000 entries and more take, roughly.
  public static final PromptText UNCALIBRATED = new PromptText(1.1);

  private static final List<String> WORDS =
      List.of(
          """
          the of and to in is you that it he was for on are as with his they at be this have from or
          one had by word but not what all were we when your can said there use an each which she do
          how their if will up other about out many then them these so some her would make like him
          into time has look two more write go see number no way could people my than first water
          been call who oil its now find long down day did get come made may part over new sound take
          only little work know place year live me back give most very after thing our just name good
          sentence man think say great where help through much before line right too mean old any same
          tell boy follow came want show also around form three small set put end does another well
          large must big even such because turn here why ask went men read need land different home us
          move try kind hand picture again change off play spell air away animal house point page letter
          mother answer found study still learn should world high
          """
              .strip()
              .split("\\s+"));

  public PromptText {
    if (!(tokensPerWord > 0)) {
      throw new IllegalArgumentException(tokensPerWord + " tokens per word");
    }
  }

  /// What a server is asked to tokenize in order to calibrate.
  static String sample() {
    return String.join(" ", WORDS);
  }

  static PromptText calibrated(int tokensOfSample) {
    return new PromptText((double) tokensOfSample / WORDS.size());
  }

  void append(StringBuilder text, int tokens, UniformRandomProvider random) {
    long words = Math.max(1, Math.round(tokens / tokensPerWord));
    for (long i = 0; i < words; i++) {
      if (!text.isEmpty()) {
        text.append(' ');
      }
      text.append(WORDS.get(random.nextInt(WORDS.size())));
    }
  }
}
