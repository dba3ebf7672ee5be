package io.dejavu.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.dejavu.tensor.MatrixSource;
import java.util.List;
import org.junit.jupiter.api.Test;

class MatrixViewsTest {
  /// `10 r + c`
  private record Counting(int rows, int columns) implements MatrixSource {
    @Override
    public void read(int row, float[] target, int offset) {
      for (int c = 0; c < columns; c++) {
        target[offset + c] = 10 * row + c;
      }
    }
  }

  private static float[][] read(MatrixSource source) {
    var rows = new float[source.rows()][source.columns()];
    for (int r = 0; r < rows.length; r++) {
      source.read(r, rows[r], 0);
    }
    return rows;
  }

  @Test
  void rowsComeInAnyOrder() {
    var view = MatrixViews.rows(new Counting(3, 2), new int[] {2, 0, 2});

    assertThat(read(view)).isDeepEqualTo(new float[][] {{20, 21}, {0, 1}, {20, 21}});
    assertThatIllegalArgumentException()
        .isThrownBy(() -> MatrixViews.rows(new Counting(3, 2), new int[] {3}))
        .withMessage("row 3 of 3");
  }

  @Test
  void columnsAreCutOut() {
    var view = MatrixViews.columns(new Counting(2, 4), 1, 3);

    assertThat(read(view)).isDeepEqualTo(new float[][] {{1, 2}, {11, 12}});
  }

  @Test
  void matricesAreStacked() {
    var view = MatrixViews.stacked(List.of(new Counting(1, 2), new Counting(2, 2)));

    assertThat(read(view)).isDeepEqualTo(new float[][] {{0, 1}, {0, 1}, {10, 11}});
    assertThatIllegalArgumentException()
        .isThrownBy(() -> MatrixViews.stacked(List.of(new Counting(1, 2), new Counting(1, 3))));
  }

  @Test
  void rowsBecomeColumns() {
    var view = MatrixViews.transposed(new Counting(37, 5));

    assertThat(view.rows()).isEqualTo(5);
    assertThat(view.columns()).isEqualTo(37);
    var rows = read(view);
    for (int r = 0; r < 5; r++) {
      for (int c = 0; c < 37; c++) {
        assertThat(rows[r][c]).isEqualTo(10 * c + r);
      }
    }
  }
}
