package io.dejavu.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.dejavu.tensor.Sampling;
import java.util.Map;
import org.junit.jupiter.api.Test;

class AdmissionTest {
  private final Admission admission = new Admission(50, 8, 5);

  @Test
  void whatFitsIsAdmitted() {
    assertThat(admission.refusal(request(1, 2, 3))).isEmpty();
    assertThat(admission.refusal(request(1, 2, 3, 4, 5, 6, 7))).isEmpty();
  }

  @Test
  void aPromptThatLeavesNoRoomIsRefused() {
    assertThat(admission.refusal(request(1, 2, 3, 4, 5, 6, 7, 8)))
        .contains("the prompt has 8 tokens; prompt and answer together can have 8");
  }

  @Test
  void aPromptAloneMayFillTheContext() {
    var scored = GenerationRequest.of("r", new int[8], Sampling.GREEDY, 0, 0).withPromptLogprobs(0);

    assertThat(admission.refusal(scored)).isEmpty();
  }

  @Test
  void tokensThatTheVocabularyLacksAreRefused() {
    assertThat(admission.refusal(request(1, 50)))
        .contains("token 1 of the prompt is 50, the vocabulary has 50");
    assertThat(admission.refusal(request(-1)))
        .contains("token 0 of the prompt is -1, the vocabulary has 50");
    var biased = new Sampling(1, 0, 1, 0, 1, 0, 0, Map.of(99, 1f));
    assertThat(admission.refusal(GenerationRequest.of("r", new int[1], biased, 0, 1)))
        .contains("logit_bias names token 99, the vocabulary has 50");
  }

  @Test
  void moreLogprobsThanGivenAreRefused() {
    assertThat(
            admission.refusal(
                GenerationRequest.of("r", new int[1], Sampling.GREEDY, 0, 1).withLogprobs(6)))
        .contains("6 logprobs per token wanted, at most 5 are given");
  }

  @Test
  void aStepMustHoldOneTokenOfEachSequence() {
    assertThatThrownBy(() -> new EngineConfig(7, 8, 0, 0))
        .hasMessage("steps of 7 tokens cannot take one of each of 8 sequences");
  }

  private static GenerationRequest request(int... prompt) {
    return GenerationRequest.of("r", prompt, Sampling.GREEDY, 0, 1);
  }
}
