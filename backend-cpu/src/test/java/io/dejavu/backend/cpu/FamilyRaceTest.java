package io.dejavu.backend.cpu;

import static io.dejavu.backend.cpu.KernelFamily.AVX2;
import static io.dejavu.backend.cpu.KernelFamily.AVX512;
import static io.dejavu.backend.cpu.KernelFamily.AVX512_FMA;
import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.backend.cpu.FamilyRace.Result;
import java.util.List;
import org.junit.jupiter.api.Test;

class FamilyRaceTest {
  @Test
  void aFamilyThatIsClearlyFasterWins() {
    var ranked =
        FamilyRace.ranked(
            List.of(
                new Result(AVX512, 40, 40),
                new Result(AVX512_FMA, 90, 90),
                new Result(AVX2, 50, 50)));

    assertThat(ranked).extracting(Result::family).containsExactly(AVX512_FMA, AVX2, AVX512);
  }

  @Test
  void ofTwoThatDifferLittleTheSameOneWinsAtEveryStart() {
    var ranked =
        FamilyRace.ranked(List.of(new Result(AVX512, 100, 100), new Result(AVX512_FMA, 110, 110)));

    assertThat(ranked).extracting(Result::family).containsExactly(AVX512, AVX512_FMA);
  }
}
