package io.dejavu.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.dejavu.engine.StepBudget.Measurement;
import java.util.List;
import org.junit.jupiter.api.Test;

class StepBudgetTest {
  @Test
  void theKneeIsTheShortestStepThatIsFastEnough() {
    assertThat(
            StepBudget.knee(
                List.of(
                    new Measurement(16, 0.016), // 1000 tokens per second
                    new Measurement(32, 0.020), // 1600
                    new Measurement(64, 0.035), // 1829: 0.914 of the best
                    new Measurement(128, 0.064), // 2000
                    new Measurement(256, 0.130))))
        .isEqualTo(64);
  }

  @Test
  void whereLongerStepsAreNoFasterTheShortestIsTaken() {
    assertThat(
            StepBudget.knee(
                List.of(
                    new Measurement(64, 0.064),
                    new Measurement(32, 0.032),
                    new Measurement(16, 0.016))))
        .isEqualTo(16);
  }

  @Test
  void nothingMeasuredIsNoKnee() {
    assertThatThrownBy(() -> StepBudget.knee(List.of())).hasMessage("no step was measured");
  }
}
