package io.dejavu.model;

import io.dejavu.tensor.DType;
import io.dejavu.tensor.MappedFile;
import io.dejavu.tensor.MatrixSource;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// The weights of a checkpoint: `model.safetensors`, or the files that
/// `model.safetensors.index.json` names. They stay in the mapped files; only what is read comes to
/// the heap, a row at a time.
public final class SafeTensors implements Weights {
  static final String SINGLE = "model.safetensors";
  static final String INDEX = "model.safetensors.index.json";
  private static final int MOST_FILES = 4096;

  private final Path directory;
  private final List<MappedFile> files;
  private final Map<String, StoredTensor> tensors;

  private SafeTensors(Path directory, List<MappedFile> files, Map<String, StoredTensor> tensors) {
    this.directory = directory;
    this.files = files;
    this.tensors = tensors;
  }

  /// Opens the weights in `directory` and checks where every tensor lies.
  ///
  /// @throws CheckpointException if there are none, or a file is not what it should be
  public static SafeTensors open(Path directory) {
    return open(CheckpointDirectory.of(directory));
  }

  static SafeTensors open(CheckpointDirectory directory) {
    var files = new ArrayList<MappedFile>();
    try {
      var single = directory.find(SINGLE);
      var tensors =
          single == null ? sharded(directory, files) : SafeTensorsHeader.read(map(single, files));
      return new SafeTensors(directory.path(), files, tensors);
    } catch (RuntimeException e) {
      files.forEach(MappedFile::close);
      throw e;
    }
  }

  /// The files that hold weights, in a fixed order.
  static List<Path> files(CheckpointDirectory directory) {
    var single = directory.find(SINGLE);
    return single != null
        ? List.of(single)
        : weightMap(directory.require(INDEX)).values().stream()
            .distinct()
            .sorted()
            .map(directory::require)
            .toList();
  }

  private static Map<String, StoredTensor> sharded(
      CheckpointDirectory directory, List<MappedFile> files) {
    var index = directory.find(INDEX);
    if (index == null) {
      throw new CheckpointException(
          directory.path(),
          "has neither %s nor %s; weights in other forms (pytorch_model.bin, gguf) have to be converted to safetensors first"
              .formatted(SINGLE, INDEX));
    }
    var homes = weightMap(index);
    var tensors = new LinkedHashMap<String, StoredTensor>();
    for (var name : new LinkedHashSet<>(homes.values())) {
      var file = map(directory.require(name), files);
      for (var tensor : SafeTensorsHeader.read(file).entrySet()) {
        var other = tensors.put(tensor.getKey(), tensor.getValue());
        if (other != null) {
          throw new CheckpointException(
              file.path(),
              "tensor \"%s\" is also in %s".formatted(tensor.getKey(), other.file().path()));
        }
        if (tensors.size() > SafeTensorsHeader.MOST_TENSORS) {
          throw new CheckpointException(
              index, "more than %,d tensors".formatted(SafeTensorsHeader.MOST_TENSORS));
        }
      }
    }
    for (var home : homes.entrySet()) {
      var tensor = tensors.get(home.getKey());
      if (tensor == null || !tensor.file().path().endsWith(home.getValue())) {
        throw new CheckpointException(
            index,
            "tensor \"%s\" is not in %s, where the index says it is"
                .formatted(home.getKey(), home.getValue()));
      }
    }
    return tensors;
  }

  /// Tensor name → file name.
  private static Map<String, String> weightMap(Path index) {
    if (!(JsonFile.object(index).get("weight_map") instanceof Map<?, ?> map) || map.isEmpty()) {
      throw new CheckpointException(index, "has no \"weight_map\" of tensors and files");
    }
    var homes = new LinkedHashMap<String, String>();
    for (var entry : map.entrySet()) {
      if (!(entry.getKey() instanceof String tensor && entry.getValue() instanceof String file)) {
        throw new CheckpointException(
            index, "tensor \"%s\" is not mapped to a file name".formatted(entry.getKey()));
      }
      homes.put(tensor, file);
    }
    long files = homes.values().stream().distinct().count();
    if (files > MOST_FILES) {
      throw new CheckpointException(
          index, "names %,d files; at most %,d are read".formatted(files, MOST_FILES));
    }
    return homes;
  }

  private static MappedFile map(Path path, List<MappedFile> files) {
    try {
      var file = MappedFile.open(path);
      files.add(file);
      return file;
    } catch (IOException e) {
      throw new CheckpointException(path, "cannot be read: " + e.getMessage(), e);
    }
  }

  @Override
  public boolean has(String name) {
    return tensors.containsKey(name);
  }

  @Override
  public Set<String> names() {
    return Collections.unmodifiableSet(tensors.keySet());
  }

  @Override
  public int[] shape(String name) {
    return tensor(name).shape();
  }

  @Override
  public DType type(String name) {
    return tensor(name).type();
  }

  @Override
  public MatrixSource matrix(String name, int rows, int columns) {
    return tensor(name).matrix(rows, columns);
  }

  @Override
  public float[] vector(String name, int size) {
    return tensor(name).vector(size);
  }

  private StoredTensor tensor(String name) {
    var tensor = tensors.get(name);
    if (tensor == null) {
      throw new CheckpointException(
          directory,
          "has no tensor \"%s\" among its %,d: incomplete, or of another architecture than config.json says"
              .formatted(name, tensors.size()));
    }
    return tensor;
  }

  @Override
  public void close() {
    files.forEach(MappedFile::close);
  }
}
