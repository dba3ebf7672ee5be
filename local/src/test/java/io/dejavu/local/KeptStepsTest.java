package io.dejavu.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.dejavu.engine.GenerationRequest;
import io.dejavu.engine.StepPlan;
import io.dejavu.kv.BlockTable;
import io.dejavu.kv.HeadRange;
import io.dejavu.kv.KvLayout;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.kept.KeptLayout;
import io.dejavu.kv.kept.KeptMemory;
import io.dejavu.kv.kept.KeptMemory.Attachment;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.Sampling;
import io.dejavu.tensor.SharedFile;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KeptStepsTest {
  private static final KeptLayout LAYOUT =
      KeptLayout.of(
          new KvLayout(new LayerRange(0, 2), 16, HeadRange.all(1), 4, 2, DType.F32), "m", 4, 32);

  @TempDir Path folder;
  private Path file;
  private KeptMemory memory;
  private KeptSteps steps;

  @BeforeEach
  void open() throws IOException {
    file = folder.resolve("segment");
    try (var empty = new RandomAccessFile(file.toFile(), "rw")) {
      empty.setLength(LAYOUT.bytes());
    }
    memory = KeptMemory.create(SharedFile.open(file), LAYOUT);
    steps = new KeptSteps(memory);
  }

  @AfterEach
  void close() {
    memory.close();
  }

  private void begin(long sequence, String id) {
    steps.sequenceBegins(sequence, GenerationRequest.of(id, new int[] {1}, Sampling.GREEDY, 0, 9));
  }

  private static StepPlan.Chunk chunk(long sequence, int start, int tokens, int... blocks) {
    return new StepPlan.Chunk(
        sequence, new int[tokens], start, new BlockTable(4, blocks), null, -1, new int[0], 0);
  }

  private Map<Long, String> left() throws IOException {
    try (var shared = SharedFile.open(file)) {
      var found = new TreeMap<Long, String>();
      if (KeptMemory.attach(shared, LAYOUT, KeptMemory.epochOf(shared.bytes()))
          instanceof Attachment.Attached(var next)) {
        next.inherited()
            .forEach(s -> found.put(s.request(), s.tokens() + Arrays.toString(s.blocks())));
      }
      return found;
    }
  }

  @Test
  void afterAStepEveryRequestIsFoundByItsId() throws IOException {
    begin(1, "a");
    begin(2, "b");
    begin(3, "waits");

    steps.stepDone(new StepPlan(1, List.of(chunk(1, 0, 6, 0, 1), chunk(2, 4, 1, 2, 3))));

    assertThat(left())
        .containsOnly(
            Map.entry(KeptSteps.number("a"), "6[0, 1]"),
            Map.entry(KeptSteps.number("b"), "5[2, 3]"));
  }

  @Test
  void whoEndsOrLosesItsBlocksIsNotFound() throws IOException {
    begin(1, "a");
    begin(2, "b");
    begin(3, "c");
    steps.stepDone(
        new StepPlan(1, List.of(chunk(1, 0, 6, 0, 1), chunk(2, 0, 5, 2, 3), chunk(3, 0, 1, 4))));

    steps.sequenceEnded(1);
    steps.sequencePreempted(2);

    assertThat(left()).containsOnly(Map.entry(KeptSteps.number("c"), "1[4]"));
  }

  @Test
  void whoComesBackIsFoundInItsOtherBlocks() throws IOException {
    begin(1, "a");
    steps.stepDone(new StepPlan(1, List.of(chunk(1, 0, 6, 0, 1))));
    steps.sequencePreempted(1);

    steps.stepDone(new StepPlan(2, List.of(chunk(1, 6, 1, 8, 9))));

    assertThat(left()).containsOnly(Map.entry(KeptSteps.number("a"), "7[8, 9]"));
  }

  @Test
  void ofTwoRequestsOfOneIdTheFirstIsKept() throws IOException {
    begin(1, "a");
    begin(2, "a");

    steps.stepDone(new StepPlan(1, List.of(chunk(1, 0, 6, 0, 1), chunk(2, 0, 4, 2))));
    steps.sequenceEnded(2);

    assertThat(left()).containsOnly(Map.entry(KeptSteps.number("a"), "6[0, 1]"));
  }

  @Test
  void aWriterWhoseMemoryWasTakenOverStops() throws IOException {
    begin(1, "a");
    steps.stepDone(new StepPlan(1, List.of(chunk(1, 0, 6, 0, 1))));
    left();

    assertThatThrownBy(() -> steps.stepDone(new StepPlan(2, List.of(chunk(1, 6, 1, 0, 1)))))
        .hasMessageContaining("another has taken it over");
  }
}
