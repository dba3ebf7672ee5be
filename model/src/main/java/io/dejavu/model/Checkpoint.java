package io.dejavu.model;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// A model as Hugging Face lays it out: a directory with `config.json`, weights in safetensors and,
/// as far as they are there, `generation_config.json`, `tokenizer.json`, `tokenizer_config.json`
/// and a chat template. Without a tokenizer it serves token ids.
public final class Checkpoint {
  /// As `tokenizer_config.json` calls them.
  private static final List<String> SPECIAL_TOKENS =
      List.of(
          "bos_token",
          "eos_token",
          "unk_token",
          "sep_token",
          "pad_token",
          "cls_token",
          "mask_token");

  private static final long TEMPLATE_BYTES = 4L << 20;
  private static final String TOKENIZER = "tokenizer.json";

  private final CheckpointDirectory directory;
  private final Config config;
  private final GenerationDefaults generation;
  private final @Nullable Config tokenizerConfig;

  private Checkpoint(
      CheckpointDirectory directory,
      Config config,
      GenerationDefaults generation,
      @Nullable Config tokenizerConfig) {
    this.directory = directory;
    this.config = config;
    this.generation = generation;
    this.tokenizerConfig = tokenizerConfig;
  }

  /// Reads the small files of `directory`; weights and tokenizer wait until they are asked for.
  ///
  /// @throws CheckpointException if there is no model, or one of these files is damaged
  public static Checkpoint of(Path directory) {
    var files = CheckpointDirectory.of(directory);
    var config = Config.read(files.require("config.json"));
    if (config.has("quantization_config")) {
      throw new CheckpointException(
          directory,
          "holds weights that were quantised before; take the original and --weights int8 or int4");
    }
    var generation = files.find("generation_config.json");
    var tokenizer = files.find("tokenizer_config.json");
    return new Checkpoint(
        files,
        config,
        GenerationDefaults.of(config, generation == null ? null : Config.read(generation)),
        tokenizer == null ? null : Config.read(tokenizer));
  }

  public Path directory() {
    return directory.path();
  }

  public Config config() {
    return config;
  }

  public GenerationDefaults generation() {
    return generation;
  }

  /// 32 bytes that other weights, another configuration or another tokenizer do not have. Large
  /// files are not read as a whole: see [FileSamples].
  public byte[] identity() {
    var files = new ArrayList<Path>();
    files.add(directory.require("config.json"));
    var tokenizer = directory.find(TOKENIZER);
    if (tokenizer != null) {
      files.add(tokenizer);
    }
    files.addAll(SafeTensors.files(directory));
    return FileSamples.hash(files);
  }

  /// Maps the weights; the caller closes them.
  public Weights openWeights() {
    return SafeTensors.open(directory);
  }

  public boolean hasTokenizer() {
    return directory.find(TOKENIZER) != null;
  }

  /// The tokenizer; the caller closes it.
  ///
  /// @throws CheckpointException if there is none, or it is not to be used
  public Tokenizer openTokenizer() {
    return HuggingFaceTokenizer.open(directory.require(TOKENIZER));
  }

  /// Ids that end a sequence: what the model's files name, and the tokenizer's own end token.
  ///
  /// @param tokenizer null where there is none
  public List<Integer> endTokens(@Nullable Tokenizer tokenizer) {
    var ids = new TreeSet<>(generation.endTokens());
    var text = specialToken("eos_token");
    if (tokenizer != null && text != null && tokenizer.id(text) >= 0) {
      ids.add(tokenizer.id(text));
    }
    return List.copyOf(ids);
  }

  /// The text of a token that the tokenizer names, such as `bos_token` for a chat template, or
  /// null.
  public @Nullable String specialToken(String key) {
    if (tokenizerConfig == null || !tokenizerConfig.has(key)) {
      return null;
    }
    return tokenizerConfig.isObject(key)
        ? tokenizerConfig.object(key).text("content")
        : tokenizerConfig.text(key);
  }

  /// The texts of all special tokens that the tokenizer names, by the names that chat templates use
  /// for them.
  public Map<String, String> specialTokens() {
    var tokens = new HashMap<String, String>();
    for (String key : SPECIAL_TOKENS) {
      String token = specialToken(key);
      if (token != null) {
        tokens.put(key, token);
      }
    }
    return Map.copyOf(tokens);
  }

  /// The text of the chat template (Jinja), or null if the model has none.
  public @Nullable String chatTemplate() {
    var file = directory.find("chat_template.jinja");
    if (file != null) {
      return new String(JsonFile.bytes(file, TEMPLATE_BYTES), StandardCharsets.UTF_8);
    }
    return tokenizerConfig == null ? null : template(tokenizerConfig);
  }

  /// The text of one of several chat templates (Jinja), such as `tool_use`, or null if there is
  /// none of this name.
  public @Nullable String chatTemplate(String name) {
    return tokenizerConfig == null || !tokenizerConfig.isList("chat_template")
        ? null
        : template(tokenizerConfig, name);
  }

  // Either a string, or a list of named ones of which "default" is the one to use.
  private static @Nullable String template(Config config) {
    if (!config.has("chat_template")) {
      return null;
    }
    if (!config.isList("chat_template")) {
      return config.text("chat_template");
    }
    return template(config, "default");
  }

  private static @Nullable String template(Config config, String name) {
    for (var named : config.objects("chat_template")) {
      if (named.text("name").equals(name)) {
        return named.text("template");
      }
    }
    return null;
  }
}
