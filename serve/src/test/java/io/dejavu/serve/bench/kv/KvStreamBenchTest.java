package io.dejavu.serve.bench.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.dejavu.kv.HeadRange;
import io.dejavu.kv.KvLayout;
import io.dejavu.kv.KvMemory;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.TokenRange;
import io.dejavu.local.LoadedModel;
import io.dejavu.local.ModelConfig;
import io.dejavu.model.StepLimits;
import io.dejavu.serve.Dejavu;
import io.dejavu.serve.bench.kv.BenchSequences.Part;
import io.dejavu.serve.bench.kv.KvStreamBench.Mode;
import io.dejavu.serve.bench.kv.KvStreamBench.Target;
import io.dejavu.serve.bench.kv.KvStreamBench.Targets;
import io.dejavu.serve.cli.Installation;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.HostDevice;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Whether what is measured is what it says; no figure is looked at.
final class KvStreamBenchTest {
  @TempDir Path folder;

  /// Every mode compares what arrived of each sequence with what was computed.
  @ParameterizedTest
  @ValueSource(
      strings = {
        "--to tcp --batch 3 --prompt 17 --tokens 20",
        "--to shm --batch 2 --prompt 600 --tokens 5 --link-rate 10Gbit",
        "--to unix --prompt 40 --tokens 9 --no-checksums",
        "--disk FOLDER --batch 3 --prompt 17 --tokens 20",
        "--disk FOLDER --prompt 600 --tokens 2"
      })
  void allModesBringEverythingToAllTargets(String options) {
    var out = new StringWriter();
    var err = new StringWriter();
    var all = "bench kv stream --rounds 1 --warm-up 0 --threads 1 " + options;
    var words = all.replace("FOLDER", folder.toString()).split(" ");

    int code = Dejavu.run(new PrintWriter(out), new PrintWriter(err), words);

    assertThat(code).as("%s%n%s", out, err).isZero();
    for (var mode : Mode.values()) {
      assertThat(out.toString()).contains(mode.text);
    }
    assertThat(out.toString()).contains("naive : packed", "hidden by all");
    assertThat(out.toString().contains("At 10Gbit")).isEqualTo(options.contains("10Gbit"));
    assertThat(folder).isEmptyDirectory();
  }

  /// Brings everything to the sequence after the one that it is of.
  private record Confused(Target target, int count) implements Target {
    @Override
    public void begin() throws IOException {
      target.begin();
    }

    @Override
    public void send(LayerRange layers, List<Part> parts) throws IOException {
      target.send(
          layers,
          parts.stream()
              .map(part -> new Part((part.sequence() + 1) % count, part.tokens()))
              .toList());
    }

    @Override
    public void await() throws IOException {
      target.await();
    }

    @Override
    public int[] digests(int tokens) throws IOException {
      var digests = target.digests(tokens);
      return IntStream.range(0, count).map(i -> digests[(i + 1) % count]).toArray();
    }
  }

  @Test
  void whatArrivesInTheWrongPlaceIsFound() throws IOException {
    var config = ModelConfig.of(Installation.model(null));
    try (var loaded = LoadedModel.open(config, new StepLimits(16, 0), (_, _, _) -> {});
        var bench = new KvStreamBench(loaded.executor(), loaded.kernels(), 2, 16, 4);
        var right = new FragmentFile(folder, bench.memory(), bench.sequences())) {
      bench.run(Mode.PACKED, Targets.both(right), 4);

      assertThatThrownBy(() -> bench.run(Mode.PACKED, Targets.both(new Confused(right, 2)), 4))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("PACKED, sequence 0: the target has keys and values with checksum");
    }
  }

  @Test
  void promptsAreComputedInOrderAsManyTogetherAsAStepTakes() {
    assertThat(KvStreamBench.promptSteps(3, 5, 12))
        .containsExactly(List.of(part(0, 0, 5), part(1, 0, 5)), List.of(part(2, 0, 5)));
    assertThat(KvStreamBench.promptSteps(2, 5, 3))
        .containsExactly(
            List.of(part(0, 0, 3)),
            List.of(part(0, 3, 5)),
            List.of(part(1, 0, 3)),
            List.of(part(1, 3, 5)));
  }

  private static Part part(int sequence, int start, int end) {
    return new Part(sequence, new TokenRange(start, end));
  }

  @Test
  void eachSequenceHasBlocksAndAChecksumOfItsOwn() {
    var layout = new KvLayout(new LayerRange(0, 2), 6, HeadRange.all(2), 16, 4, DType.F32);
    var sequences = new BenchSequences(layout, 3);
    try (var memory = KvMemory.open(new HostDevice(), layout)) {
      var before = sequences.digests(memory, 32);
      long byteOfTheSecond = memory.cache(1).values(sequences.table(1)[1], 1);
      HostDevice.segment(memory.cache(0).buffer())
          .set(ValueLayout.JAVA_BYTE, byteOfTheSecond, (byte) 1);
      var after = sequences.digests(memory, 32);

      assertThat(sequences.table(2)).containsExactly(4, 5);
      assertThat(after[0]).isEqualTo(before[0]);
      assertThat(after[1]).isNotEqualTo(before[1]);
      assertThat(after[2]).isEqualTo(before[2]);
    }
  }
}
