package io.dejavu.keeper;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/// How a keeper keeps.
///
/// @param memory folder of a file system in memory
/// @param freeAfter how long the memory of a process that has exited waits for another to take it
/// @param idle how long it lives on when nobody is connected and no worker lives
/// @param own whether it is the keeper of whoever started it alone: it ends when its input does,
///   kills what it has started, and deletes the folder of its socket with the files in it
public record KeeperConfig(Path memory, Duration freeAfter, Duration idle, boolean own) {
  public static final KeeperConfig DEFAULT =
      new KeeperConfig(Path.of("/dev/shm"), Duration.ofMinutes(5), Duration.ofMinutes(10), false);

  public KeeperConfig {
    if (freeAfter.isNegative() || idle.isNegative()) {
      throw new IllegalArgumentException(
          "memory is freed after %s, the keeper ends after %s".formatted(freeAfter, idle));
    }
  }

  public KeeperConfig withFreeAfter(Duration freeAfter) {
    return new KeeperConfig(memory, freeAfter, idle, own);
  }

  KeeperConfig withOwn() {
    return new KeeperConfig(memory, freeAfter, idle, true);
  }

  /// As arguments of the process.
  List<String> words() {
    var words =
        new ArrayList<>(
            List.of(
                "--memory",
                memory.toString(),
                "--free-after",
                Long.toString(freeAfter.toSeconds()),
                "--idle",
                Long.toString(idle.toSeconds())));
    if (own) {
      words.add("--own");
    }
    return words;
  }

  /// Reads what `words` writes; what is not said is as in `DEFAULT`.
  static KeeperConfig of(List<String> words) {
    var config = DEFAULT;
    for (int i = 0; i < words.size(); i++) {
      var option = words.get(i);
      if (option.equals("--own")) {
        config = config.withOwn();
        continue;
      }
      if (++i == words.size()) {
        throw new IllegalArgumentException("%s has no value".formatted(option));
      }
      var value = words.get(i);
      config =
          switch (option) {
            case "--memory" ->
                new KeeperConfig(Path.of(value), config.freeAfter, config.idle, config.own);
            case "--free-after" -> config.withFreeAfter(seconds(option, value));
            case "--idle" ->
                new KeeperConfig(
                    config.memory, config.freeAfter, seconds(option, value), config.own);
            default -> throw new IllegalArgumentException("what is %s?".formatted(option));
          };
    }
    return config;
  }

  private static Duration seconds(String option, String value) {
    try {
      return Duration.ofSeconds(Long.parseLong(value));
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("%s is %s, not seconds".formatted(option, value), e);
    }
  }
}
