package io.dejavu.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.dejavu.tensor.Kernels;
import io.dejavu.tensor.PlainKernels;
import io.dejavu.tensor.Tensor;
import java.util.List;

/// What all parts of {@link KernelsContract} share: the same operation twice, and a look at the
/// difference.
interface Comparison {
  /// New kernels that share their work among `threads` threads, if they have such a notion.
  Kernels open(int threads);

  /// An operation on new tensors; what it returns is compared.
  interface Operation {
    Tensor on(TestTensors tensors);
  }

  /// An operation on the rows `[from, from + rows)` of a batch that is always the same.
  interface RowOperation {
    Tensor on(TestTensors tensors, int from, int rows);
  }

  /// Batches in which a row may find itself: around every likely size of a block.
  List<Integer> BATCHES = List.of(2, 3, 4, 5, 7, 8, 9, 12, 13, 16, 17, 31, 33, 40);

  /// The operation gives what the plain kernels give, dense and strided.
  default void assertAgrees(String what, double tolerance, Operation operation) {
    try (var plain = new PlainKernels();
        var reference = new TestTensors(plain, false);
        var kernels = open(2)) {
      var wanted = reference.read(operation.on(reference));
      for (var strided : new boolean[] {false, true}) {
        try (var tensors = new TestTensors(kernels, strided)) {
          var got = tensors.read(operation.on(tensors));
          assertThat(got.length).as(what).isEqualTo(wanted.length);
          for (int r = 0; r < got.length; r++) {
            for (int i = 0; i < got[r].length; i++) {
              if (!(Math.abs(got[r][i] - wanted[r][i]) <= tolerance)) { // NaN, too
                assertThat(got[r][i])
                    .as("%s%s: row %d, column %d", what, strided ? ", strided" : "", r, i)
                    .isCloseTo(wanted[r][i], within((float) tolerance));
              }
            }
          }
          tensors.checkGaps();
        }
      }
    }
  }

  /// Every row of the operation is the same to the bit alone and in any batch, with 1, 2 and 3
  /// threads.
  default void assertRowsStandAlone(String what, RowOperation operation) {
    var most = BATCHES.getLast();
    var alone = new int[most][];
    try (var kernels = open(1)) {
      for (int row = 0; row < most; row++) {
        try (var tensors = new TestTensors(kernels, false)) {
          alone[row] = tensors.readInts(operation.on(tensors, row, 1))[0];
        }
      }
    }
    for (int threads = 1; threads <= 3; threads++) {
      try (var kernels = open(threads)) {
        for (int size : BATCHES) {
          for (int from = 0; from + size <= most; from += Math.max(size, 10) - 1) {
            try (var tensors = new TestTensors(kernels, size % 2 == 0)) {
              var got = tensors.readInts(operation.on(tensors, from, size));
              for (int r = 0; r < size; r++) {
                assertThat(got[r])
                    .as("%s: row %d of %d from %d, %d threads", what, r, size, from, threads)
                    .isEqualTo(alone[from + r]);
              }
            }
          }
        }
      }
    }
  }
}
