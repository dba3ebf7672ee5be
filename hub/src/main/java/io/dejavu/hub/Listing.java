package io.dejavu.hub;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// What a repository holds at one commit.
///
/// @param names of all files, with their folders
/// @param known those in one folder at most whose length and hash the listing says
record Listing(String commit, Set<String> names, Map<String, HubFile> known) {
  Listing {
    names = Set.copyOf(names);
    known = Map.copyOf(known);
  }

  boolean has(String name) {
    return names.contains(name);
  }

  /// Null: the hub has to be asked for this file alone.
  @Nullable HubFile file(String name) {
    return known.get(name);
  }

  /// Sorted, at most five, for messages.
  List<String> endingIn(String suffix) {
    return names.stream().filter(name -> name.endsWith(suffix)).sorted().limit(5).toList();
  }
}
