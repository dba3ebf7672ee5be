package io.dejavu.hub;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// The Hugging Face hub and its cache: a model's name in, the folder of its files out.
///
/// What is in the cache is not fetched again, and serves when the hub cannot be reached. What was
/// fetched when a pull ended early is where the next one goes on.
public final class Hub {
  private static final System.Logger LOG = System.getLogger(Hub.class.getName());

  private final HubConfig config;

  public Hub(HubConfig config) {
    this.config = config;
  }

  /// Fetches what is missing of a model.
  ///
  /// @return the folder with its `config.json`
  /// @throws HubException if it cannot be had
  public Path pull(HubName name, PullProgress progress) throws InterruptedException {
    var cache = new RepoCache(config.cache(), name);
    String cached = cached(cache, name);
    if (cached != null && name.isCommit() && Wanted.isComplete(cache, cached)) {
      return cache.snapshot(cached);
    }
    if (config.offline()) {
      return offline(cache, name, cached);
    }
    try (var http = new HubHttp(config)) {
      var api = new HubApi(config, http);
      Listing listing;
      try {
        // Nobody waits long for what is there.
        listing = api.list(name, cached == null ? Math.min(4, config.attempts()) : 1);
      } catch (HubException e) {
        if (cached == null) {
          throw e;
        }
        LOG.log(
            System.Logger.Level.WARNING,
            "{0}; going on with {1} as it was fetched before, commit {2}",
            e.getMessage(),
            name,
            cached);
        return cache.snapshot(cached);
      }
      return fetch(http, api, cache, name, listing, progress);
    }
  }

  /// The commit in the cache that can be used, or null.
  private static @Nullable String cached(RepoCache cache, HubName name) {
    String commit = cache.commit(name.revision());
    return commit != null && Wanted.isUsable(cache, commit) ? commit : null;
  }

  private Path offline(RepoCache cache, HubName name, @Nullable String cached) {
    if (cached == null) {
      throw new HubException(
          "%s is not in the cache %s, and the hub is not asked: offline"
              .formatted(name, config.cache()));
    }
    return cache.snapshot(cached);
  }

  private Path fetch(
      HubHttp http,
      HubApi api,
      RepoCache cache,
      HubName name,
      Listing listing,
      PullProgress progress)
      throws InterruptedException {
    String commit = listing.commit();
    if (!Wanted.isComplete(cache, commit)) {
      var files = describe(api, name, listing, Wanted.first(name, listing));
      if (!listing.has(Wanted.SINGLE)) {
        // What is to come stands in the index.
        var index = files.stream().filter(file -> file.name().equals(Wanted.INDEX)).toList();
        fetch(http, api, cache, name, commit, index, PullProgress.NONE);
        var shards = Wanted.shards(cache.snapshot(commit).resolve(Wanted.INDEX));
        files = new ArrayList<>(files);
        files.addAll(describe(api, name, listing, shards));
      }
      fetch(http, api, cache, name, commit, files, progress);
      for (String file : Wanted.OPTIONAL) {
        if (!listing.has(file)) {
          cache.rememberLack(commit, file);
        }
      }
    }
    // Last: offline, the branch stays where everything is there.
    cache.remember(name.revision(), commit);
    return cache.snapshot(commit);
  }

  private static List<HubFile> describe(
      HubApi api, HubName name, Listing listing, Iterable<String> names)
      throws InterruptedException {
    var files = new ArrayList<HubFile>();
    for (String file : names) {
      if (!listing.has(file)) {
        throw new HubException("%s has no %s, which its index names".formatted(name, file));
      }
      var known = listing.file(file);
      files.add(known == null ? api.file(name, listing.commit(), file) : known);
    }
    return files;
  }

  private void fetch(
      HubHttp http,
      HubApi api,
      RepoCache cache,
      HubName name,
      String commit,
      List<HubFile> files,
      PullProgress progress)
      throws InterruptedException {
    var missing = new LinkedHashMap<String, HubFile>(); // by content: twins are fetched once
    for (var file : files) {
      if (!cache.hasBlob(file)) {
        missing.putIfAbsent(file.etag(), file);
      }
    }
    if (!missing.isEmpty()) {
      download(http, api, cache, name, commit, List.copyOf(missing.values()), progress);
    }
    files.forEach(file -> cache.link(commit, file));
  }

  private void download(
      HubHttp http,
      HubApi api,
      RepoCache cache,
      HubName name,
      String commit,
      List<HubFile> files,
      PullProgress progress)
      throws InterruptedException {
    cache.create();
    long bytes = files.stream().mapToLong(HubFile::bytes).sum();
    long present = files.stream().mapToLong(file -> Download.present(cache, file)).sum();
    checkSpace(cache, bytes - present);
    progress.planned(files.size(), bytes, present);
    var threads =
        Executors.newFixedThreadPool(
            Math.min(config.parallel(), files.size()),
            Thread.ofPlatform().daemon().name("hub-", 1).factory());
    var done = new ExecutorCompletionService<HubFile>(threads);
    try {
      for (var file : files) {
        long counted = Download.present(cache, file);
        done.submit(
            () -> {
              new Download(config, http, cache, name, file, progress)
                  .run(api.uri(name, commit, file.name()), counted);
              return file;
            });
      }
      for (int i = 0; i < files.size(); i++) {
        done.take().get(); // each has its own deadlines
      }
    } catch (ExecutionException e) {
      throw e.getCause() instanceof HubException problem
          ? problem
          : new IllegalStateException("fetching " + name, e.getCause());
    } finally {
      threads.shutdownNow();
      threads.awaitTermination(10, TimeUnit.SECONDS);
    }
  }

  private static void checkSpace(RepoCache cache, long needed) {
    try {
      long free = Files.getFileStore(cache.folder()).getUsableSpace();
      if (needed > free) {
        throw new HubException(
            "%s needs %.1f GiB more, %.1f GiB are free there; HF_HOME names another place"
                .formatted(cache.folder(), needed / 0x1p30, free / 0x1p30));
      }
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "free space of {0}: {1}", cache.folder(), e.getMessage());
    }
  }
}
