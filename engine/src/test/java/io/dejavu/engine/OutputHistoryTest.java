package io.dejavu.engine;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class OutputHistoryTest {
  private final OutputHistory history = new OutputHistory();

  @Test
  void withoutAPastTheFutureIsAsLongAsItMayBe() {
    for (int i = 1; i < OutputHistory.LEAST; i++) {
      history.add(5);
    }
    assertThat(history.predict(0, 1000)).isEqualTo(1000);

    history.add(5);
    assertThat(history.predict(0, 1000)).isEqualTo(5);
    assertThat(history.predict(3, 1000)).isEqualTo(2);
    assertThat(history.predict(0, 4)).isEqualTo(4);
  }

  @Test
  void whatIsLongerThanAllKnownMayBecomeAsLongAsAllowed() {
    for (int i = 0; i < 50; i++) {
      history.add(5);
    }

    assertThat(history.predict(5, 77)).isEqualTo(77);
  }

  @Test
  void nineOfTenThatAreAsLongAlreadyAreShorter() {
    for (int i = 1; i <= 100; i++) {
      history.add(i);
    }

    assertThat(history.predict(0, 1000)).isEqualTo(91);
    assertThat(history.predict(50, 1000)).isEqualTo(96 - 50);
    assertThat(history.predict(99, 1000)).isEqualTo(1);
  }

  @Test
  void onlyTheLatestAnswersCount() {
    for (int i = 0; i < 3 * OutputHistory.WINDOW; i++) {
      history.add(500);
    }
    for (int i = 0; i < OutputHistory.WINDOW; i++) {
      history.add(5);
    }

    assertThat(history.predict(0, 1000)).isEqualTo(5);
  }
}
