package io.dejavu.workload;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class RateSearchTest {
  private static List<Double> run(RateSearch search, double capacity) {
    var tried = new ArrayList<Double>();
    for (var next = search.next(); next.isPresent(); next = search.next()) {
      tried.add(next.getAsDouble());
      search.observe(next.getAsDouble() <= capacity ? 0.95 : 0.5);
    }
    return tried;
  }

  @ParameterizedTest
  @ValueSource(doubles = {0.013, 0.7, 1, 3.3, 150})
  void theRateIsFoundFromAboveAndFromBelow(double capacity) {
    var search = new RateSearch(2, 0.9, 1.05, 40);

    run(search, capacity);

    assertThat(search.best().orElseThrow()).isBetween(capacity / 1.05, capacity);
    assertThat(search.tooMuch().orElseThrow()).isGreaterThan(capacity);
  }

  @Test
  void theSearchIsBounded() {
    var search = new RateSearch(1, 0.9, 1.05, 5);

    assertThat(run(search, 1e9)).containsExactly(1.0, 2.0, 4.0, 8.0, 16.0);
    assertThat(search.best()).hasValue(16);
    assertThat(search.tooMuch()).isEmpty();

    var hopeless = new RateSearch(1, 0.9, 1.05, 3);
    assertThat(run(hopeless, 0)).containsExactly(1.0, 0.5, 0.25);
    assertThat(hopeless.best()).isEmpty();
  }
}
