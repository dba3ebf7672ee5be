package io.dejavu.testkit;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.dejavu.tensor.HostDevice;
import io.dejavu.tensor.Kernels;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class FakeKernelsTest extends KernelsContract {
  @Override
  public Kernels open(int threads) {
    return new FakeKernels();
  }

  @Test
  void theHostCannotReadItsMemory() {
    try (var kernels = new FakeKernels();
        var buffer = kernels.device().allocate(4)) {
      assertThatThrownBy(() -> HostDevice.segment(buffer))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void nothingHappensBeforeADownload() {
    try (var kernels = new FakeKernels()) {
      var x = kernels.device().floats(1, 2);
      var y = kernels.device().floats(10, 20);
      kernels.add(x, y);
      x.buffer().close();
      var target = MemorySegment.ofArray(new int[2]);

      assertThatThrownBy(() -> kernels.device().download(y.buffer(), 0, target))
          .as("the sum was still to be computed")
          .isInstanceOf(IllegalStateException.class);
      y.buffer().close();
    }
  }

  @Test
  void anUploadTakesWhatTheSourceHoldsAtTheCall() {
    try (var kernels = new FakeKernels();
        var buffer = kernels.device().allocate(4)) {
      var source = MemorySegment.ofArray(new int[] {7});
      kernels.device().upload(source, buffer, 0);
      source.set(JAVA_INT, 0, 8);
      var target = MemorySegment.ofArray(new int[1]);

      kernels.device().download(buffer, 0, target);

      assertThat(target.get(JAVA_INT, 0)).isEqualTo(7);
    }
  }
}
