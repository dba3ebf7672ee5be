package io.dejavu.hub;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/// Which files of a repository a model needs: its configuration, its tokenizer, its chat template
/// and its weights as safetensors.
final class Wanted {
  static final String CONFIG = "config.json";
  static final String SINGLE = "model.safetensors";
  static final String INDEX = "model.safetensors.index.json";

  /// How sentence-transformers makes vectors of texts with the model.
  static final String POOLING = "1_Pooling/config.json";

  /// Taken if they are there.
  static final List<String> OPTIONAL =
      List.of(
          "generation_config.json",
          "tokenizer.json",
          "tokenizer_config.json",
          "special_tokens_map.json",
          "added_tokens.json",
          "chat_template.jinja",
          "chat_template.json",
          POOLING);

  /// Of those, what changes the model's answers if it is missed.
  private static final List<String> READ =
      List.of(
          "generation_config.json",
          "tokenizer.json",
          "tokenizer_config.json",
          "chat_template.jinja",
          POOLING);

  private static final long INDEX_BYTES = 64 << 20;
  private static final int MOST_SHARDS = 4096;

  private Wanted() {}

  /// The files that can be named before any is fetched: all but the shards.
  ///
  /// @throws HubException if there is no model that we can read
  static List<String> first(HubName name, Listing listing) {
    if (!listing.has(CONFIG) || !(listing.has(SINGLE) || listing.has(INDEX))) {
      throw new HubException(name + " " + lack(listing));
    }
    var names = new ArrayList<String>();
    names.add(CONFIG);
    OPTIONAL.stream().filter(listing::has).forEach(names::add);
    names.add(listing.has(SINGLE) ? SINGLE : INDEX);
    return List.copyOf(names);
  }

  private static String lack(Listing listing) {
    var gguf = listing.endingIn(".gguf");
    if (!gguf.isEmpty()) {
      return "has its weights as gguf only (%s); take the repository it was made from"
          .formatted(String.join(", ", gguf));
    }
    if (!listing.has(CONFIG)) {
      return "has no config.json, so it is no model that can be served";
    }
    var pickled = listing.endingIn(".bin");
    if (!pickled.isEmpty()) {
      return "has its weights as pickled Python only (%s), which may hold programs; they have to be converted to safetensors first"
          .formatted(String.join(", ", pickled));
    }
    var others = listing.endingIn(".safetensors");
    return "has neither %s nor %s%s"
        .formatted(SINGLE, INDEX, others.isEmpty() ? "" : ", only " + String.join(", ", others));
  }

  /// The files that the index names.
  ///
  /// @throws HubException if it is damaged, or names anything but files beside it
  static Set<String> shards(Path index) {
    var shards = new LinkedHashSet<String>();
    try {
      if (Files.size(index) > INDEX_BYTES) {
        throw new HubException("%s has %,d bytes".formatted(index, Files.size(index)));
      }
      var map = new JsonMapper().readTree(Files.readAllBytes(index)).path("weight_map");
      for (var shard : map) {
        String name = shard.stringValue("");
        if (!HubFile.isPlain(name) || !name.endsWith(".safetensors")) {
          throw new HubException(
              "%s names \"%s\", which is no file beside it".formatted(index, name));
        }
        shards.add(name);
      }
    } catch (IOException | JacksonException e) {
      throw new HubException("%s cannot be read: %s".formatted(index, e.getMessage()), e);
    }
    if (shards.isEmpty() || shards.size() > MOST_SHARDS) {
      throw new HubException("%s names %d files".formatted(index, shards.size()));
    }
    return shards;
  }

  /// Whether the cache has what a model cannot do without.
  static boolean isUsable(RepoCache cache, String commit) {
    if (!cache.has(commit, CONFIG)) {
      return false;
    }
    if (cache.has(commit, SINGLE)) {
      return true;
    }
    return cache.has(commit, INDEX)
        && shards(cache.snapshot(commit).resolve(INDEX)).stream()
            .allMatch(shard -> cache.has(commit, shard));
  }

  /// Whether nothing more can be had: what is not there is known to be absent.
  static boolean isComplete(RepoCache cache, String commit) {
    return READ.stream().allMatch(file -> cache.has(commit, file) || cache.lacks(commit, file))
        && isUsable(cache, commit);
  }
}
