package io.dejavu.serve.bench.kv;

import io.dejavu.kv.BlockHash;
import io.dejavu.kv.KvMemory;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.disk.KvFile;
import io.dejavu.kv.disk.KvLabel;
import io.dejavu.serve.bench.kv.BenchSequences.Part;
import io.dejavu.tensor.HostBuffer;
import io.dejavu.tensor.HostDevice;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Streams to records on disk: one for each layer of a prompt, and for each sequence one with all
/// layers of a step's token, those of a step with one write.
final class DiskTarget implements KvStreamBench.Target {
  private final Path directory;
  private final KvMemory memory;
  private final BenchSequences sequences;
  private final Records prompts;
  private final Records steps;

  /// Records of at most one size, in the order in which they were written.
  private final class Records implements AutoCloseable {
    final Path path;
    final long payload;
    final KvFile file;
    final HostBuffer buffer;
    final List<KvLabel> written = new ArrayList<>();

    /// @param cells tokens times layers of a record at most
    /// @param count of them at most
    /// @param together are written at once
    Records(String name, long cells, int count, int together) throws IOException {
      var layout = memory.layout();
      path = directory.resolve(name);
      payload = cells * layout.unitBytes() / layout.blockTokens();
      file = KvFile.open(path, "bench", layout, payload, count);
      buffer = file.allocate(together);
    }

    boolean holds(LayerRange layers, Part part) {
      return sequences.regions(layers, part).bytes() <= payload;
    }

    void write(LayerRange layers, List<Part> parts) throws IOException {
      var labels = new KvLabel[parts.size()];
      var bytes = new long[parts.size()];
      int first = written.size();
      for (int i = 0; i < labels.length; i++) {
        var regions = sequences.regions(layers, parts.get(i));
        bytes[i] = regions.bytes();
        memory.gather(regions, file.payload(buffer, i).asSlice(0, bytes[i]));
        var name = BlockHash.root("slice", Integer.toString(first + i));
        labels[i] = new KvLabel(name, parts.get(i).sequence(), regions.slice(), 0);
      }
      file.write(first, labels, bytes, buffer);
      written.addAll(List.of(labels));
    }

    void read(KvMemory copy) throws IOException {
      for (int slot = 0; slot < written.size(); slot++) {
        var label = file.readRecord(slot, written.get(slot).content(), buffer);
        var part = new Part((int) label.request(), label.slice().tokens());
        var regions = sequences.regions(label.slice().layers(), part);
        copy.scatter(file.payload(buffer, 0).asSlice(0, regions.bytes()), regions);
      }
    }

    @Override
    public void close() throws IOException {
      buffer.close();
      try {
        file.close();
      } finally {
        Files.deleteIfExists(path);
      }
    }
  }

  /// @param parent where a folder is made for the files, and deleted in the end
  /// @param prompt most tokens of it that one step computes
  /// @param tokens of a sequence at most
  DiskTarget(Path parent, KvMemory memory, BenchSequences sequences, int prompt, int tokens)
      throws IOException {
    this.directory = Files.createTempDirectory(parent, "dejavu-kv-");
    this.memory = memory;
    this.sequences = sequences;
    int layers = memory.layout().layers().count();
    int count = Math.multiplyExact(Math.multiplyExact(layers, tokens), sequences.count());
    this.prompts = new Records("prompts", prompt, count, 1);
    this.steps = new Records("steps", layers, count, sequences.count());
  }

  @Override
  public void begin() {
    prompts.written.clear();
    steps.written.clear();
  }

  @Override
  public void send(LayerRange layers, List<Part> parts) throws IOException {
    if (parts.stream().allMatch(part -> steps.holds(layers, part))) {
      steps.write(layers, parts);
    } else {
      for (var part : parts) {
        prompts.write(layers, List.of(part));
      }
    }
  }

  /// What was sent is written.
  @Override
  public void await() {}

  /// Reads it all back.
  @Override
  public int[] digests(int tokens) throws IOException {
    try (var copy = KvMemory.open(new HostDevice(), memory.layout())) {
      prompts.read(copy);
      steps.read(copy);
      return sequences.digests(copy, tokens);
    }
  }

  @Override
  public void close() throws IOException {
    @Nullable IOException trouble = null;
    for (var records : List.of(prompts, steps)) {
      try {
        records.close();
      } catch (IOException e) {
        trouble = e;
      }
    }
    Files.deleteIfExists(directory);
    if (trouble != null) {
      throw trouble;
    }
  }
}
