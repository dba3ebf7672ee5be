package io.dejavu.hub;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.dejavu.testkit.PretendHub;
import io.dejavu.testkit.PretendHub.Fault;
import java.io.IOException;
import java.net.ProxySelector;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Pulls from a stand-in on loopback, with everything that goes wrong between here and the hub.
final class HubTest {
  private static final String FIRST = "a".repeat(40);
  private static final String SECOND = "b".repeat(40);
  private static final HubName NAME = new HubName("org/tiny", "main");
  private static final byte[] WEIGHTS = random(300_000);

  @TempDir Path cache;
  private PretendHub hub;

  @BeforeEach
  void open() throws IOException {
    hub = PretendHub.open("org/tiny").revision("main", FIRST);
    hub.file(FIRST, "config.json", "{\"model_type\": \"llama\"}")
        .file(FIRST, "tokenizer.json", "{}")
        .file(FIRST, "README.md", "read me")
        .file(FIRST, "pytorch_model.bin", new byte[9], true)
        .file(FIRST, "original/model.safetensors", new byte[9], true)
        .file(FIRST, "../../escape.json", "{}")
        .file(FIRST, "model.safetensors", WEIGHTS, true);
  }

  @AfterEach
  void close() {
    hub.close();
  }

  @Test
  void aPullLaysTheFilesOutAsPythonDoes() throws Exception {
    Path folder = pull(NAME);

    Path model = cache.resolve("models--org--tiny");
    assertThat(folder).isEqualTo(model.resolve("snapshots").resolve(FIRST));
    assertThat(folder.resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
    assertThat(Files.readSymbolicLink(folder.resolve("model.safetensors")))
        .isEqualTo(Path.of("../../blobs", PretendHub.etag(WEIGHTS, true)));
    assertThat(Files.readSymbolicLink(folder.resolve("config.json")).toString())
        .isEqualTo(
            "../../blobs/" + PretendHub.etag("{\"model_type\": \"llama\"}".getBytes(UTF_8), false));
    assertThat(model.resolve("refs/main")).hasContent(FIRST);
    assertThat(model.resolve(".no_exist").resolve(FIRST).resolve("chat_template.jinja"))
        .isEmptyFile();
    assertThat(cache.resolve(".locks/models--org--tiny")).isDirectoryContaining("glob:**.lock");
  }

  @Test
  void aFileInAFolderLiesInThatFolder() throws Exception {
    String pooling = "{\"pooling_mode_mean_tokens\": true}";
    hub.file(FIRST, "1_Pooling/config.json", pooling);

    Path folder = pull(NAME);

    assertThat(folder.resolve("1_Pooling/config.json")).hasContent(pooling);
    assertThat(Files.readSymbolicLink(folder.resolve("1_Pooling/config.json")))
        .isEqualTo(Path.of("../../../blobs", PretendHub.etag(pooling.getBytes(UTF_8), false)));
    hub.forget();
    pull(NAME.at(FIRST));
    assertThat(hub.seen()).isEmpty();
  }

  @Test
  void onlyWhatIsNeededIsFetched() throws Exception {
    Path folder = pull(NAME);

    try (var files = Files.list(folder)) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .containsExactlyInAnyOrder("config.json", "tokenizer.json", "model.safetensors");
    }
    assertThat(hub.seen())
        .noneMatch(seen -> seen.path().endsWith(".md") || seen.path().endsWith(".bin"));
  }

  @Test
  void anotherPullFetchesNothing() throws Exception {
    pull(NAME);
    hub.forget();

    pull(NAME);

    assertThat(hub.seen()).hasSize(1).allMatch(seen -> seen.path().startsWith("/api/"));
  }

  @Test
  void aCommitThatIsThereNeedsNoHub() throws Exception {
    pull(NAME);
    hub.forget();

    pull(NAME.at(FIRST));

    assertThat(hub.seen()).isEmpty();
  }

  @Test
  void theTokenGoesToTheHubOnly() throws Exception {
    pull(NAME);

    assertThat(hub.seen()).anyMatch(seen -> seen.server().equals("cdn"));
    for (var seen : hub.seen()) {
      assertThat(seen.authorization())
          .as(seen.toString())
          .isEqualTo(seen.server().equals("hub") ? "Bearer hf_secret" : "");
    }
  }

  @Test
  void aCutDownloadGoesOnWhereItEnded() throws Exception {
    hub.faults("model.safetensors", new Fault.Cut(100_000), new Fault.Cut(100_000));

    Path folder = pull(NAME);

    assertThat(folder.resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
    var ranges =
        hub.seen().stream()
            .filter(seen -> seen.server().equals("cdn"))
            .map(PretendHub.Seen::range)
            .toList();
    assertThat(ranges).hasSize(3);
    assertThat(ranges.getFirst()).isEmpty();
    assertThat(ranges.subList(1, 3)).allMatch(range -> range.matches("bytes=[1-9]\\d*-"));
  }

  @Test
  void whatAProcessThatWasKilledFetchedIsUsed() throws Exception {
    Path begun = blob("model.safetensors.dejavu.incomplete");
    Files.write(begun, Arrays.copyOf(WEIGHTS, 200_000));

    Path folder = pull(NAME);

    assertThat(folder.resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
    assertThat(hub.seen()).anyMatch(seen -> seen.range().equals("bytes=200000-"));
    assertThat(begun).doesNotExist();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void whatPythonFetchedIsUsed(boolean mayStillRun) throws Exception {
    Path begun = blob("model.safetensors.incomplete");
    Files.write(begun, Arrays.copyOf(WEIGHTS, 200_000));
    if (!mayStillRun) {
      Files.setLastModifiedTime(begun, FileTime.from(Instant.now().minus(Duration.ofHours(1))));
    }

    Path folder = pull(NAME);

    assertThat(folder.resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
    assertThat(hub.seen()).anyMatch(seen -> seen.range().equals("bytes=200000-"));
    assertThat(Files.exists(begun)).isEqualTo(mayStillRun);
  }

  @Test
  void aServerWithoutRangesSendsAllAgain() throws Exception {
    hub.faults("model.safetensors", new Fault.Cut(100_000), new Fault.NoRanges());
    var progress = new Counted();

    Path folder = new Hub(config(true)).pull(NAME, progress);

    assertThat(folder.resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
    assertThat(progress.fetched.get()).isEqualTo(progress.bytes.get());
  }

  @Test
  void wrongBytesAreFetchedAgain() throws Exception {
    hub.faults("model.safetensors", new Fault.Flip());
    hub.faults("config.json", new Fault.Flip());
    var progress = new Counted();

    Path folder = new Hub(config(true)).pull(NAME, progress);

    assertThat(folder.resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
    assertThat(folder.resolve("config.json")).hasContent("{\"model_type\": \"llama\"}");
    assertThat(progress.fetched.get()).isEqualTo(progress.bytes.get());
  }

  @Test
  void aWrongBeginningIsFetchedAgain() throws Exception {
    Files.write(blob("model.safetensors.dejavu.incomplete"), new byte[200_000]);

    assertThat(pull(NAME).resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
  }

  @Test
  void bytesThatStayWrongNeverReachTheCache() {
    hub.faults("model.safetensors", new Fault.Flip(), new Fault.Flip(), new Fault.Flip());

    assertThatThrownBy(() -> pull(NAME))
        .isInstanceOf(HubException.class)
        .hasMessageContaining("org/tiny/model.safetensors was fetched 3 times")
        .hasMessageContaining("SHA-256")
        .hasMessageContaining(PretendHub.etag(WEIGHTS, true));

    Path model = cache.resolve("models--org--tiny");
    assertThat(model.resolve("blobs").resolve(PretendHub.etag(WEIGHTS, true))).doesNotExist();
    assertThat(model.resolve("refs/main")).doesNotExist();
  }

  @Test
  void aShortAnswerIsNoFile() throws Exception {
    hub.faults("model.safetensors", new Fault.Shorten(1000));

    assertThat(pull(NAME).resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
  }

  @Test
  void aSilentServerIsLeft() throws Exception {
    hub.faults("model.safetensors", new Fault.Stall(150_000));
    var impatient = config(true, Duration.ofMillis(500));

    Path folder = new Hub(impatient).pull(NAME, PullProgress.NONE);

    assertThat(folder.resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
    assertThat(hub.seen()).anyMatch(seen -> seen.range().matches("bytes=[1-9]\\d*-"));
  }

  @Test
  void aServerThatIsBusyIsAskedAgain() throws Exception {
    hub.listingFaults(
        new Fault.Status(503, "X-None", ""), new Fault.Status(429, "Retry-After", "0"));
    hub.faults("config.json", new Fault.Status(500, "X-None", ""));

    assertThat(pull(NAME).resolve("config.json")).isRegularFile();
  }

  @Test
  void aServerThatAsksForALongPauseIsBelievedAtOnce() {
    hub.listingFaults(new Fault.Status(429, "Retry-After", "3600"));

    assertThatThrownBy(() -> pull(NAME)).hasMessageContaining("429 (too many requests");
    assertThat(hub.seen()).hasSize(1);
  }

  @Test
  void aServerThatStaysDownIsGivenUp() {
    var down = new Fault.Status(503, "X-None", "");
    hub.listingFaults(down, down, down, down, down, down, down, down);

    assertThatThrownBy(() -> pull(NAME)).hasMessageContaining("answers 503");
    assertThat(hub.seen()).hasSize(4);
  }

  @Test
  void aBranchThatMovesIsFollowedAndKeepsWhatIsTheSame() throws Exception {
    pull(NAME);
    hub.file(SECOND, "config.json", "{\"model_type\": \"qwen2\"}")
        .file(SECOND, "model.safetensors", WEIGHTS, true)
        .revision("main", SECOND);
    hub.forget();

    Path folder = pull(NAME);

    assertThat(folder).endsWith(Path.of(SECOND));
    assertThat(folder.resolve("config.json")).hasContent("{\"model_type\": \"qwen2\"}");
    assertThat(hub.seen()).noneMatch(seen -> seen.path().endsWith(".safetensors"));
    assertThat(cache.resolve("models--org--tiny/refs/main")).hasContent(SECOND);
    assertThat(pull(NAME.at(FIRST)).resolve("config.json")).content().contains("llama");
  }

  @Test
  void anUnreachableHubLeavesWhatIsCached() throws Exception {
    Path before = pull(NAME);
    hub.close();

    assertThat(pull(NAME)).isEqualTo(before);
    assertThat(new Hub(config(true).withOffline(true)).pull(NAME, PullProgress.NONE))
        .isEqualTo(before);
  }

  @Test
  void offlineWithoutACacheIsAnError() {
    assertThatThrownBy(() -> new Hub(config(true).withOffline(true)).pull(NAME, PullProgress.NONE))
        .isInstanceOf(HubException.class)
        .hasMessageContaining("org/tiny is not in the cache");
    assertThat(hub.seen()).isEmpty();
  }

  @Test
  void aBranchOfWhichTheNextCommitFailedStaysUsableOffline() throws Exception {
    Path before = pull(NAME);
    byte[] other = random(1000);
    hub.file(SECOND, "config.json", "{}")
        .file(SECOND, "model.safetensors", other, true)
        .revision("main", SECOND)
        .faults("model.safetensors", new Fault.Flip(), new Fault.Flip(), new Fault.Flip());

    assertThatThrownBy(() -> pull(NAME)).hasMessageContaining("damaged each time");

    assertThat(new Hub(config(true).withOffline(true)).pull(NAME, PullProgress.NONE))
        .isEqualTo(before);
  }

  @Test
  void aCacheThatPythonMadeIsUsedAsItIs() throws Exception {
    Path model = cache.resolve("models--org--tiny");
    Path snapshot = Files.createDirectories(model.resolve("snapshots").resolve(SECOND));
    Path blobs = Files.createDirectories(model.resolve("blobs"));
    // Version 2 shares large files between models, behind a second link.
    Path shared = Files.createDirectories(cache.resolve("blobs/ab"));
    Files.write(shared.resolve("ab" + "0".repeat(62)), WEIGHTS);
    String etag = PretendHub.etag(WEIGHTS, true);
    Files.createSymbolicLink(blobs.resolve(etag), Path.of("../../blobs/ab/ab" + "0".repeat(62)));
    Files.createSymbolicLink(snapshot.resolve("model.safetensors"), Path.of("../../blobs", etag));
    Files.writeString(blobs.resolve("c0ffee"), "{}");
    Files.createSymbolicLink(snapshot.resolve("config.json"), Path.of("../../blobs/c0ffee"));
    Files.createDirectories(model.resolve("refs/pr"));
    Files.writeString(model.resolve("refs/pr/7"), SECOND);

    Path folder = new Hub(config(true).withOffline(true)).pull(NAME.at("pr/7"), PullProgress.NONE);

    assertThat(folder).isEqualTo(snapshot);
    assertThat(hub.seen()).isEmpty();
    // A commit that has the same weights takes them from there.
    assertThat(pull(NAME).resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
    assertThat(hub.seen()).noneMatch(seen -> seen.path().endsWith(".safetensors"));
  }

  @Test
  void shardsAreFetchedAsTheIndexNamesThem() throws Exception {
    String index =
        """
        {"weight_map": {"a": "model-00001-of-00002.safetensors",
          "b": "model-00002-of-00002.safetensors", "c": "model-00001-of-00002.safetensors"}}
        """;
    byte[] other = random(70_000);
    hub.file(SECOND, "config.json", "{}")
        .file(SECOND, "model.safetensors.index.json", index)
        .file(SECOND, "model-00001-of-00002.safetensors", WEIGHTS, true)
        .file(SECOND, "model-00002-of-00002.safetensors", other, true)
        .file(SECOND, "model-00003-of-00003.safetensors", other, true);

    Path folder = pull(NAME.at(SECOND));

    assertThat(folder.resolve("model-00001-of-00002.safetensors")).hasBinaryContent(WEIGHTS);
    assertThat(folder.resolve("model-00002-of-00002.safetensors")).hasBinaryContent(other);
    assertThat(folder.resolve("model-00003-of-00003.safetensors")).doesNotExist();
    Files.delete(folder.resolve("model-00002-of-00002.safetensors"));
    hub.forget();
    pull(NAME.at(SECOND)); // no longer complete
    assertThat(folder.resolve("model-00002-of-00002.safetensors")).hasBinaryContent(other);
  }

  @ParameterizedTest
  @ValueSource(strings = {"../../../etc/passwd", "/etc/passwd", "a\\\\b.safetensors", "..", ""})
  void anIndexThatNamesOtherPlacesIsRefused(String shard) {
    hub.file(SECOND, "config.json", "{}")
        .file(
            SECOND,
            "model.safetensors.index.json",
            "{\"weight_map\": {\"a\": \"%s\"}}".formatted(shard));

    assertThatThrownBy(() -> pull(NAME.at(SECOND)))
        .isInstanceOf(HubException.class)
        .hasMessageContaining("which is no file beside it");
  }

  @Test
  void aHubThatDescribesNothingIsAskedForEachFile() throws Exception {
    hub.describing(false);

    assertThat(pull(NAME).resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
    assertThat(hub.seen().stream().filter(seen -> seen.method().equals("HEAD")))
        .isNotEmpty()
        .allMatch(seen -> seen.server().equals("hub"));
  }

  @Test
  void aGatedModelSaysWhatToDo() {
    hub.gate("Bearer hf_member"::equals);

    assertThatThrownBy(() -> new Hub(config(false)).pull(NAME, PullProgress.NONE))
        .hasMessageContaining("org/tiny is gated")
        .hasMessageContaining(hub.endpoint() + "/org/tiny")
        .hasMessageContaining("HF_TOKEN");
    assertThatThrownBy(() -> pull(NAME))
        .hasMessageContaining("the account of the token in HF_TOKEN has no access")
        .hasMessageNotContaining("hf_secret");
  }

  @Test
  void whatIsNotThereIsNamed() {
    assertThatThrownBy(() -> pull(new HubName("org/other", "main")))
        .hasMessageContaining("no org/other with revision \"main\"")
        .hasMessageContaining("private");
    assertThatThrownBy(() -> pull(NAME.at("v9")))
        .hasMessageContaining("org/tiny")
        .hasMessageContaining("no revision \"v9\"");
  }

  @Test
  void weightsInOtherFormsAreNamed() {
    hub.file(SECOND, "config.json", "{}").file(SECOND, "pytorch_model.bin", new byte[3], true);
    assertThatThrownBy(() -> pull(NAME.at(SECOND)))
        .hasMessageContaining("pickled Python only (pytorch_model.bin)");

    hub.file(SECOND, "q4.gguf", new byte[3], true);
    assertThatThrownBy(() -> pull(NAME.at(SECOND))).hasMessageContaining("gguf only (q4.gguf)");
  }

  @Test
  void anInterruptLeavesWhatTheNextPullUses() throws Exception {
    hub.faults("model.safetensors", new Fault.Stall(150_000));
    var progress = new Counted();
    var patient = config(true, Duration.ofMinutes(1));
    var ended = new CompletableFuture<Throwable>();
    var puller =
        Thread.ofVirtual()
            .start(
                () -> {
                  try {
                    new Hub(patient).pull(NAME, progress);
                    ended.complete(null);
                  } catch (InterruptedException | RuntimeException e) {
                    ended.complete(e);
                  }
                });
    while (progress.fetched.get() < 150_000) {
      Thread.sleep(5);
    }

    puller.interrupt();

    assertThat(ended.get(20, TimeUnit.SECONDS)).isInstanceOf(InterruptedException.class);
    hub.forget();
    assertThat(pull(NAME).resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
    assertThat(hub.seen()).anyMatch(seen -> seen.range().matches("bytes=[1-9]\\d*-"));
  }

  @Test
  void twoPullsAtOnceShareTheWork() throws Exception {
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var one = threads.submit(() -> pull(NAME));
      var two = threads.submit(() -> pull(NAME));

      assertThat(one.get()).isEqualTo(two.get());
    }

    assertThat(hub.seen().stream().filter(seen -> seen.server().equals("cdn"))).hasSize(1);
  }

  private Path pull(HubName name) throws InterruptedException {
    return new Hub(config(true)).pull(name, PullProgress.NONE);
  }

  /// In the folder of blobs, `model.safetensors` standing for the hash of the weights.
  private Path blob(String file) throws IOException {
    Path blobs = Files.createDirectories(cache.resolve("models--org--tiny/blobs"));
    return blobs.resolve(file.replace("model.safetensors", PretendHub.etag(WEIGHTS, true)));
  }

  private HubConfig config(boolean token) {
    return config(token, Duration.ofSeconds(20));
  }

  private HubConfig config(boolean token, Duration silence) {
    return new HubConfig(
        URI.create(hub.endpoint().toString()),
        cache,
        token ? "hf_secret" : null,
        false,
        Duration.ofSeconds(5),
        silence,
        4,
        Duration.ofMillis(1),
        Duration.ofSeconds(2),
        4,
        ProxySelector.of(null));
  }

  private static byte[] random(int length) {
    byte[] bytes = new byte[length];
    new Random(length).nextBytes(bytes);
    return bytes;
  }

  private static final class Counted implements PullProgress {
    final AtomicLong bytes = new AtomicLong();
    final AtomicLong fetched = new AtomicLong();

    @Override
    public void planned(int files, long all, long present) {
      bytes.set(all);
      fetched.set(present);
    }

    @Override
    public void fetched(long more) {
      fetched.addAndGet(more);
    }
  }
}
