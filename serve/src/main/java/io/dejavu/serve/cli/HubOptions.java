package io.dejavu.serve.cli;

import io.dejavu.hub.Hub;
import io.dejavu.hub.HubConfig;
import io.dejavu.hub.HubName;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// Which state of a model of the Hugging Face hub, and whether the hub may be asked.
public final class HubOptions {
  @Option(
      names = "--revision",
      paramLabel = "NAME",
      description =
          "Branch, tag or commit of a model of the hub, as ORG/NAME@NAME says too. Default: main.")
  @Nullable String revision;

  @Option(
      names = "--offline",
      description =
          "Take a model of the hub from the cache and never ask the hub, as HF_HUB_OFFLINE=1 says"
              + " too.")
  boolean offline;

  /// Fetches what is missing.
  ///
  /// @return the folder of the checkpoint
  /// @throws IllegalArgumentException if the options or the environment make no sense
  /// @throws io.dejavu.hub.HubException if it cannot be had
  public Path pull(HubName named) {
    if (revision != null && !named.revision().equals(HubName.MAIN)) {
      throw new IllegalArgumentException(
          "--revision %s, and %s: one of them".formatted(revision, named));
    }
    var name = revision == null ? named : named.at(revision);
    var environment = HubConfig.of(System.getenv(), Path.of(System.getProperty("user.home", ".")));
    var config = offline ? environment.withOffline(true) : environment;
    try (var bar = new PullBar(name.toString())) {
      return new Hub(config).pull(name, bar);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while fetching " + name, e);
    }
  }
}
