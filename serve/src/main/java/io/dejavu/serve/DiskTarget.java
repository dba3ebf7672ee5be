package io.dejavu.serve;

import io.dejavu.kv.BlockHash;
import io.dejavu.kv.KvFile;
import io.dejavu.kv.KvLabel;
import io.dejavu.kv.KvMemory;
import io.dejavu.kv.KvSlice;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.Regions;
import io.dejavu.kv.TokenRange;
import io.dejavu.serve.KvStreamBench.Mode;
import io.dejavu.tensor.HostBuffer;
import io.dejavu.tensor.HostDevice;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/// Streams to records on disk: one for each layer of the prompt, one for all layers of each token
/// after it. A thread of its own writes them in order, as far as the mode says so.
final class DiskTarget implements KvStreamBench.Target {
  private final Path directory;
  private final KvMemory memory;
  private final int tokens;
  private final Records prompts;
  private final Records steps;
  private final ThreadPoolExecutor writer =
      (ThreadPoolExecutor)
          Executors.newFixedThreadPool(
              1, task -> Thread.ofPlatform().daemon().name("kv-writer").unstarted(task));
  private Mode mode = Mode.ALL;
  private int[] blocks = {};
  private long request;
  private Future<?> last = CompletableFuture.completedFuture(null);

  /// Records of one size, in the order in which they were written.
  private static final class Records implements AutoCloseable {
    final KvFile file;
    final HostBuffer buffer;
    final List<KvLabel> written = new ArrayList<>();

    Records(KvFile file) {
      this.file = file;
      this.buffer = file.allocate(1);
    }

    @Override
    public void close() throws IOException {
      buffer.close();
      file.close();
    }
  }

  /// @param parent where a folder is made for the files, and deleted in the end
  /// @param prompt most tokens of it that one step computes
  /// @param tokens of a sequence at most
  DiskTarget(Path parent, KvMemory memory, int prompt, int tokens) throws IOException {
    this.directory = Files.createTempDirectory(parent, "dejavu-kv-");
    this.memory = memory;
    this.tokens = tokens;
    var layout = memory.layout();
    long token = layout.unitBytes() / layout.blockTokens();
    int layers = layout.layers().count();
    this.prompts =
        new Records(
            KvFile.open(
                directory.resolve("prompt"), "bench", layout, prompt * token, layers * tokens));
    this.steps =
        new Records(
            KvFile.open(directory.resolve("steps"), "bench", layout, layers * token, tokens));
  }

  @Override
  public void begin(Mode how, int[] table) {
    mode = how;
    blocks = table;
    request++;
    prompts.written.clear();
    steps.written.clear();
  }

  @Override
  public void send(LayerRange layers, TokenRange range) {
    if (range.count() == 1) {
      post(steps, layers, range);
    } else {
      for (int layer = layers.start(); layer < layers.end(); layer++) {
        post(prompts, new LayerRange(layer, layer + 1), range);
      }
    }
  }

  private void post(Records records, LayerRange layers, TokenRange range) {
    if (writer.getQueue().size() > tokens) {
      await(0); // the disk is slower than the model
    }
    long number = request;
    boolean meanwhile = mode == Mode.ALL || mode == Mode.LAYERS && range.count() > 1;
    if (!meanwhile) {
      write(records, number, layers, range);
      return;
    }
    last = writer.submit(() -> write(records, number, layers, range));
  }

  private void write(Records records, long number, LayerRange layers, TokenRange range) {
    var slice = new KvSlice(layers, range, memory.layout().heads());
    var regions = regions(memory, slice);
    var target = records.file.payload(records.buffer, 0).asSlice(0, regions.bytes());
    memory.gather(regions, target);
    int slot = records.written.size();
    var label = new KvLabel(BlockHash.root("slice", Integer.toString(slot)), number, slice, 0);
    try {
      records.file.write(slot, new KvLabel[] {label}, new long[] {regions.bytes()}, records.buffer);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    records.written.add(label);
  }

  private Regions regions(KvMemory of, KvSlice slice) {
    return Regions.of(of.layout(), blocks, slice, of.layout().blockTokens());
  }

  @Override
  public void commit(int count) {}

  @Override
  public void await(int count) {
    try {
      last.get(KvPeer.PATIENCE.toSeconds(), TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    } catch (ExecutionException | TimeoutException e) {
      throw new IllegalStateException("nothing is written to " + directory, e);
    }
  }

  @Override
  public void finish(int count) {
    await(count);
  }

  /// Reads it all back.
  @Override
  public int digest(int count) throws IOException {
    try (var copy = KvMemory.open(new HostDevice(), memory.layout())) {
      for (var records : List.of(prompts, steps)) {
        for (int slot = 0; slot < records.written.size(); slot++) {
          var content = records.written.get(slot).content();
          var regions =
              regions(copy, records.file.readRecord(slot, content, records.buffer).slice());
          copy.scatter(
              records.file.payload(records.buffer, 0).asSlice(0, regions.bytes()), regions);
        }
      }
      return KvStreamBench.digest(copy, blocks, count);
    }
  }

  @Override
  public void close() throws IOException {
    writer.shutdown();
    @Nullable IOException trouble = null;
    for (var records : List.of(prompts, steps)) {
      try {
        records.close();
      } catch (IOException e) {
        trouble = e;
      }
    }
    Files.deleteIfExists(directory.resolve("prompt"));
    Files.deleteIfExists(directory.resolve("steps"));
    Files.deleteIfExists(directory);
    if (trouble != null) {
      throw trouble;
    }
  }
}
