package io.dejavu.kv.stream;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.kv.HeadRange;
import io.dejavu.kv.KvLayout;
import io.dejavu.kv.KvMemory;
import io.dejavu.kv.KvSlice;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.PlainKv;
import io.dejavu.kv.Regions;
import io.dejavu.kv.TokenRange;
import io.dejavu.kv.disk.KvFile;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.HostDevice;
import io.dejavu.transport.Deadline;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// A process that streams into a file is killed with -9 at any moment; what it had been told is
/// committed is there, and is what it wrote. More kills: `-Ddejavu.file.kills=200`.
@Timeout(300)
class FileStreamsKillTest {
  private static final int KILLS = Integer.getInteger("dejavu.file.kills", 5);
  private static final int REQUESTS = 3;
  private static final int TOKENS = 200;
  private static final KvLayout LAYOUT =
      new KvLayout(new LayerRange(0, 3), 13 * REQUESTS, HeadRange.all(2), 16, 16, DType.F32);

  @TempDir private Path directory;

  /// What the process that was killed has said of a request.
  private record Told(int epoch, int tokens) {}

  @Test
  void whatWasCommittedOutlivesTheProcess() throws Exception {
    var path = directory.resolve("streams");
    Map<Long, Told> all = new HashMap<>();
    for (int kill = 0; kill < KILLS; kill++) {
      all.putAll(killed(path, 20 + new SplittableRandom(kill).nextInt(300)));
      var told = new HashMap<>(all);
      try (var file = open(path)) {
        for (var found : file.onDisk()) {
          var last = told.remove(found.request());
          assertThat(last).isNotNull();
          assertThat(found.epoch()).isLessThanOrEqualTo(last.epoch);
          if (last.tokens > 0) {
            assertThat(found.epoch()).isEqualTo(last.epoch);
          }
          assertThat(found.tokens())
              .as("%s, told %s", found, last)
              .isGreaterThanOrEqualTo(last.tokens);
          check(file, found);
        }
      }
      assertThat(told.values()).as("kill %d", kill).allMatch(last -> last.tokens == 0);
    }
  }

  /// Starts the process and kills it when it has said so many lines.
  private static Map<Long, Told> killed(Path path, int lines) throws Exception {
    var golden = Path.of(StreamPeer.class.getResource("/wire/kv-sender-v1.bin").toURI());
    var command = new ArrayList<String>();
    command.add(ProcessHandle.current().info().command().orElse("java"));
    command.addAll(List.of("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx128m", "-cp"));
    command.add(
        String.join(
            File.pathSeparator,
            golden.getParent().getParent().toString(),
            System.getProperty("jdk.module.path", ""),
            System.getProperty("java.class.path")));
    command.addAll(List.of(FileStreamsKillTest.class.getName(), path.toString()));
    var child = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    Map<Long, Told> told = new HashMap<>();
    try (var said =
        new BufferedReader(
            new InputStreamReader(child.getInputStream(), StandardCharsets.US_ASCII))) {
      int heard = 0;
      for (String line; (line = said.readLine()) != null; ) {
        var words = line.split(" ", -1);
        if (words.length == 4) { // else it was killed while it said this
          told.put(
              Long.parseLong(words[0]),
              new Told(Integer.parseInt(words[1]), Integer.parseInt(words[2])));
        }
        if (++heard == lines) {
          child.toHandle().destroyForcibly(); // what it said before is still heard
        }
      }
    } finally {
      child.destroyForcibly();
      assertThat(child.waitFor(1, TimeUnit.MINUTES)).isTrue();
    }
    assertThat(told).isNotEmpty();
    return told;
  }

  private static void check(KvFileStreams file, KvFileStreams.OnDisk found) {
    try (var copy = KvMemory.open(new HostDevice(), LAYOUT)) {
      int[] blocks = IntStream.range(0, 13).map(i -> 2 * i).toArray();
      int tokens = file.read(found.request(), copy, blocks);
      assertThat(tokens).isEqualTo(found.tokens());
      if (tokens > 0) {
        var regions = Regions.of(LAYOUT, blocks, slice(tokens), 16);
        var bytes = new byte[(int) regions.bytes()];
        copy.gather(regions, MemorySegment.ofArray(bytes));
        assertThat(bytes).isEqualTo(PlainKv.wire(slice(tokens), LAYOUT, 16, name(found.epoch())));
      }
    }
  }

  private static KvFileStreams open(Path path) throws IOException {
    long bytes = 60 * KvFile.slotBytes(LAYOUT.blockBytes());
    return KvFileStreams.open(
        path,
        "model",
        LAYOUT,
        bytes,
        new KvStreamListener() {
          @Override
          public void committed(KvStream stream, int tokens) {
            say(stream.offer(), tokens);
          }
        });
  }

  /// One write per line.
  private static void say(KvOffer offer, int tokens) {
    System.out.print("%d %d %d \n".formatted(offer.request(), offer.epoch(), tokens));
    System.out.flush();
  }

  private static KvSlice slice(int tokens) {
    return new KvSlice(LAYOUT.layers(), new TokenRange(0, tokens), LAYOUT.heads());
  }

  /// What is computed follows from the epoch, which no other request has.
  private static long name(int epoch) {
    return 77L * epoch;
  }

  /// The process that is killed: computes one request after the other anew, in greater epochs.
  public static void main(String... args) throws IOException, InterruptedException {
    try (var memory = KvMemory.open(new HostDevice(), LAYOUT);
        var file = open(Path.of(args[0]))) {
      var image = new byte[(int) LAYOUT.bytes()];
      var streams = new KvStream[REQUESTS];
      int epoch = file.onDisk().stream().mapToInt(KvFileStreams.OnDisk::epoch).max().orElse(0);
      for (int i = 0; i < 100_000; i++) {
        int request = i % REQUESTS;
        if (streams[request] != null
            && streams[request].await(Deadline.in(Duration.ofMinutes(1))) == null) {
          throw new IllegalStateException("%s does not end".formatted(streams[request]));
        }
        int[] blocks = IntStream.range(13 * request, 13 * (request + 1)).toArray();
        epoch++;
        PlainKv.write(image, LAYOUT, blocks, slice(TOKENS), name(epoch));
        PlainKv.fill(memory, image);
        streams[request] = post(file, KvOffer.all(request, epoch, LAYOUT, TOKENS), memory, blocks);
      }
    }
  }

  private static KvStream post(KvFileStreams file, KvOffer offer, KvMemory memory, int[] blocks) {
    say(offer, 0);
    var stream = file.offer(offer, memory);
    stream.blocks(blocks);
    for (int layer = 0; layer < 3; layer++) {
      stream.send(new LayerRange(layer, layer + 1), new TokenRange(0, 100));
      file.flush();
    }
    stream.commit(100);
    for (int token = 100; token < TOKENS; token++) {
      stream.send(new TokenRange(token, token + 1));
      stream.commit(token + 1);
      file.flush();
    }
    stream.finish(TOKENS);
    return stream;
  }
}
