package io.dejavu.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.dejavu.engine.EngineConfig;
import io.dejavu.engine.FinishReason;
import io.dejavu.kv.KvConfig;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// What an application does, with the bundled model.
@Timeout(60)
class LanguageModelTest {
  private static final Path CHECKPOINT = Path.of("../models/shakespeare-opt-7m");
  private static final GenerationOptions OPTIONS =
      GenerationOptions.DEFAULT.withMaxTokens(40).withSeed(7L);
  private static final GenerationOptions LONG =
      GenerationOptions.DEFAULT.withMaxTokens(1000).withoutEnd();

  private static LanguageModel model;

  @BeforeAll
  static void open() {
    model = LanguageModel.open(CHECKPOINT);
  }

  @AfterAll
  static void close() {
    model.close();
  }

  @AfterEach
  void everythingIsFreeAgain() throws InterruptedException {
    for (int i = 0; i < 1000 && model.engine().status().running() > 0; i++) {
      Thread.sleep(10);
    }
    assertThat(model.engine().status().blocksInUse()).isZero();
  }

  @Test
  void theTextComesInPieces() throws InterruptedException {
    var pieces = new ArrayList<String>();

    var text = model.generate("ROMEO:\n", OPTIONS, pieces::add);

    assertThat(pieces).hasSizeGreaterThan(10).doesNotContain("");
    assertThat(String.join("", pieces)).isEqualTo(text.text());
    assertThat(text.tokens()).hasSize(40);
    assertThat(text.promptTokens()).isEqualTo(model.tokenizer().encode("ROMEO:\n", true).length);
    assertThat(text.finish()).isEqualTo(FinishReason.LENGTH);
  }

  @Test
  void theSeedThatWasDrawnGivesTheSameTextAgain() throws InterruptedException {
    var first = model.generate("ROMEO:\n", OPTIONS.withSeed(null));
    var other = model.generate("ROMEO:\n", OPTIONS.withSeed(null));

    var again = model.generate("ROMEO:\n", OPTIONS.withSeed(first.seed()));

    assertThat(again.tokens()).isEqualTo(first.tokens()).isNotEqualTo(other.tokens());
  }

  @Test
  void manyThreadsGetWhatEachGetsAlone() throws Exception {
    List<Callable<GeneratedText>> calls = new ArrayList<>();
    for (int i = 0; i < 24; i++) {
      var prompt = "ROMEO:\n".repeat(i % 5 + 1);
      var options = OPTIONS.withSeed((long) i);
      calls.add(() -> model.generate(prompt, options));
    }
    var alone = new ArrayList<List<Integer>>();
    for (var call : calls) {
      alone.add(call.call().tokens());
    }

    var together = new ArrayList<List<Integer>>();
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (var text : threads.invokeAll(calls)) {
        together.add(text.get().tokens());
      }
    }

    assertThat(together).isEqualTo(alone);
  }

  @Test
  void aStopStringEndsTheTextBeforeIt() throws InterruptedException {
    var whole = model.generate("ROMEO:\n", OPTIONS).text();
    var stop = whole.substring(20, 24);

    var text = model.generate("ROMEO:\n", OPTIONS.withStops(List.of(stop)));

    assertThat(text.text()).isEqualTo(whole.substring(0, whole.indexOf(stop)));
    assertThat(text.stop()).isEqualTo(stop);
    assertThat(text.finish()).isEqualTo(FinishReason.STOP);
    assertThat(text.tokens()).hasSizeLessThan(40);
  }

  @Test
  void anyThreadMayCancelAText() throws InterruptedException {
    try (var generation = model.start("ROMEO:\n", LONG)) {
      var begin = new StringBuilder();
      while (begin.isEmpty()) {
        begin.append(generation.next());
      }

      Thread.ofVirtual().start(generation::cancel).join();
      var text = generation.finish();

      assertThat(text.finish()).isEqualTo(FinishReason.CANCELLED);
      assertThat(text.text()).startsWith(begin);
      assertThat(text.tokens()).hasSizeLessThan(1000);
      assertThat(generation.next()).isNull();
    }
  }

  @Test
  void anInterruptedCallerGivesUp() throws InterruptedException {
    var caught = new CompletableFuture<Exception>();
    var started = new CompletableFuture<String>();
    var caller =
        Thread.ofVirtual()
            .start(
                () -> {
                  try {
                    model.generate("ROMEO:\n", LONG, started::complete);
                  } catch (InterruptedException | RuntimeException e) {
                    caught.complete(e);
                  }
                });
    started.join();

    caller.interrupt();

    assertThat(caught.join()).isInstanceOf(InterruptedException.class);
  }

  @Test
  void whatTheReaderThrowsEndsTheText() {
    assertThatThrownBy(
            () ->
                model.generate(
                    "ROMEO:\n",
                    LONG,
                    _ -> {
                      throw new IllegalStateException("enough");
                    }))
        .hasMessage("enough");
  }

  @Test
  void aTimeoutEndsTheText() throws InterruptedException {
    var text = model.generate("ROMEO:\n", LONG.withTimeout(Duration.ofMillis(1)));

    assertThat(text.finish()).isEqualTo(FinishReason.DEADLINE);
    assertThat(text.tokens()).hasSizeLessThan(1000);
  }

  @Test
  void whatCannotBeSaysWhy() {
    assertThatThrownBy(() -> model.generate("word ".repeat(2000), OPTIONS))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("the model takes 1 to 1023");
    assertThatThrownBy(() -> model.generate("ROMEO:\n", OPTIONS.withTopP(2f)))
        .hasMessageContaining("top_p is 2.0");
    assertThatThrownBy(() -> OPTIONS.withMaxTokens(0)).hasMessage("0 tokens at most");
    assertThatThrownBy(() -> LanguageModel.open(Path.of("nowhere")))
        .hasMessageContaining("nowhere");
  }

  @Test
  void aFullQueueIsWorthAnotherTry() {
    var one = new EngineConfig(256, 1, 0, 0);
    try (var small = LanguageModel.open(ModelConfig.of(CHECKPOINT), one, KvConfig.DEFAULT);
        var _ = small.start("ROMEO:\n", LONG)) {
      assertThatThrownBy(() -> small.generate("ROMEO:\n", OPTIONS))
          .isInstanceOfSatisfying(
              GenerationException.class, busy -> assertThat(busy.isBusy()).isTrue());
    }
  }

  @Test
  void closingEndsTextsUnderWay() throws Exception {
    var closed = LanguageModel.open(CHECKPOINT);
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var started = new CompletableFuture<String>();
      var running = threads.submit(() -> closed.generate("ROMEO:\n", LONG, started::complete));
      started.get(30, TimeUnit.SECONDS);

      closed.close();

      assertThat(ended(running::get)).isTrue();
      assertThatThrownBy(() -> closed.generate("ROMEO:\n", OPTIONS)).hasMessageContaining("closed");
    }
  }

  /// Cancelled, or refused by the tokenizer, which is closed as well.
  private static boolean ended(Callable<GeneratedText> running) throws Exception {
    try {
      return running.call().finish() == FinishReason.CANCELLED;
    } catch (ExecutionException e) {
      return String.valueOf(e.getMessage()).contains("closed");
    }
  }

  @Test
  void aChatIsThePromptOfItsTemplate() throws InterruptedException {
    var messages = List.of(ChatMessage.system("A street."), ChatMessage.user("Who art thou?"));

    var answer = model.chat(messages, OPTIONS, _ -> {});

    var prompt = "<s>A street.\n\nCITIZEN:\nWho art thou?\n\nROMEO:\n";
    assertThat(answer.promptTokens()).isEqualTo(model.tokenizer().encode(prompt, false).length);
    var same = model.start(model.tokenizer().encode(prompt, false), OPTIONS).finish();
    assertThat(same.text()).startsWith(answer.text());
  }
}
