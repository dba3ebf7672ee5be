package io.dejavu.model;

import io.dejavu.tensor.DType;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// `config.json`: what a model looks like. Every access is checked, and says in one line which file
/// and key held what instead of what. A key whose value is `null` counts as absent.
public final class Config {
  /// The largest width, vocabulary or number of positions that is believed.
  public static final int MOST = 1 << 24;

  private final Path file;
  private final String path;
  private final Map<?, ?> values;

  private Config(Path file, String path, Map<?, ?> values) {
    this.file = file;
    this.path = path;
    this.values = values;
  }

  /// Reads `file`, or `config.json` in it if it is a directory.
  public static Config read(Path file) {
    if (Files.isDirectory(file)) {
      return read(CheckpointDirectory.of(file).require("config.json"));
    }
    if (!Files.isRegularFile(file)) {
      throw new CheckpointException(file, "no such file");
    }
    return new Config(file, "", JsonFile.object(file));
  }

  /// From text; errors call it `name`.
  public static Config parse(String json, String name) {
    var file = Path.of(name);
    return new Config(file, "", JsonFile.object(file, json.getBytes(StandardCharsets.UTF_8)));
  }

  public boolean has(String key) {
    var value = values.get(key);
    return value != null && value != JsonFile.Nothing.NULL;
  }

  /// A size or count: from 1 to {@link #MOST}.
  public int integer(String key) {
    return integer(required(key), key, 1, MOST);
  }

  /// A size or count, or `fallback` where there is none.
  public int integer(String key, int fallback) {
    return has(key) ? integer(key) : fallback;
  }

  public int integerIn(String key, int least, int most) {
    return integer(required(key), key, least, most);
  }

  public int integerIn(String key, int least, int most, int fallback) {
    return has(key) ? integerIn(key, least, most) : fallback;
  }

  /// A finite number.
  public double real(String key) {
    if (required(key) instanceof Number number && Double.isFinite(number.doubleValue())) {
      return number.doubleValue();
    }
    throw expected(key, "a number");
  }

  public double real(String key, double fallback) {
    return has(key) ? real(key) : fallback;
  }

  /// A finite number above 0, such as an epsilon or a base.
  public double positive(String key, double fallback) {
    double value = real(key, fallback);
    if (value <= 0) {
      throw expected(key, "a number above 0");
    }
    return value;
  }

  public boolean flag(String key) {
    if (required(key) instanceof Boolean flag) {
      return flag;
    }
    throw expected(key, "true or false");
  }

  public boolean flag(String key, boolean fallback) {
    return has(key) ? flag(key) : fallback;
  }

  public String text(String key) {
    if (required(key) instanceof String text) {
      return text;
    }
    throw expected(key, "a string");
  }

  public String text(String key, String fallback) {
    return has(key) ? text(key) : fallback;
  }

  /// A list of strings, empty where there is none.
  public List<String> texts(String key) {
    var texts = new ArrayList<String>();
    for (var value : list(key)) {
      if (!(value instanceof String text)) {
        throw expected(key, "a list of strings");
      }
      texts.add(text);
    }
    return List.copyOf(texts);
  }

  /// Token ids: one, a list, or none.
  public List<Integer> tokenIds(String key) {
    if (!has(key)) {
      return List.of();
    }
    var value = required(key);
    var ids = new ArrayList<Integer>();
    for (var id : value instanceof List<?> list ? list : List.of(value)) {
      ids.add(integer(id, key, 0, Integer.MAX_VALUE));
    }
    return List.copyOf(ids);
  }

  /// The object under `key`.
  public Config object(String key) {
    if (required(key) instanceof Map<?, ?> object) {
      return new Config(file, path + key + ".", object);
    }
    throw expected(key, "an object");
  }

  boolean isList(String key) {
    return values.get(key) instanceof List;
  }

  boolean isObject(String key) {
    return values.get(key) instanceof Map;
  }

  /// A list of objects, empty where there is none.
  List<Config> objects(String key) {
    var objects = new ArrayList<Config>();
    for (var value : list(key)) {
      if (!(value instanceof Map<?, ?> object)) {
        throw expected(key, "a list of objects");
      }
      objects.add(new Config(file, path + key + ".", object));
    }
    return List.copyOf(objects);
  }

  /// The first of `architectures`, such as `LlamaForCausalLM`.
  public String architecture() {
    var architectures = texts("architectures");
    if (architectures.isEmpty()) {
      throw expected("architectures", "a list with a name such as [\"LlamaForCausalLM\"]");
    }
    return architectures.getFirst();
  }

  /// In what the weights were saved (`dtype`, older `torch_dtype`), or null if it does not say.
  public @Nullable DType dtype() {
    var key = has("dtype") ? "dtype" : "torch_dtype";
    if (!has(key)) {
      return null;
    }
    return switch (text(key).replaceFirst("^torch\\.", "")) {
      case "float32" -> DType.F32;
      case "float16" -> DType.F16;
      case "bfloat16" -> DType.BF16;
      default -> throw expected(key, "float32, float16 or bfloat16");
    };
  }

  /// For a caller that finds the value of `key` unfit: names file, key and value.
  public CheckpointException expected(String key, String what) {
    var found = has(key) ? "is " + required(key) : "is missing";
    return new CheckpointException(
        file, "\"%s%s\" %s, expected %s".formatted(path, key, found, what));
  }

  private int integer(Object value, String key, int least, int most) {
    if (value instanceof Long number && number >= least && number <= most) {
      return number.intValue();
    }
    throw expected(key, "a whole number from %,d to %,d".formatted(least, most));
  }

  private List<?> list(String key) {
    if (!has(key)) {
      return List.of();
    }
    if (required(key) instanceof List<?> list) {
      return list;
    }
    throw expected(key, "a list");
  }

  private Object required(String key) {
    var value = values.get(key);
    if (value == null || value == JsonFile.Nothing.NULL) {
      throw new CheckpointException(file, "\"%s%s\" is missing".formatted(path, key));
    }
    return value;
  }
}
