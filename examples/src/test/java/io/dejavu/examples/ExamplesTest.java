package io.dejavu.examples;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.local.GenerationOptions;
import io.dejavu.local.LanguageModel;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Runs every example.
@Timeout(60)
final class ExamplesTest {
  private static final String CHECKPOINT = "../models/shakespeare-opt-7m";

  @Test
  void aTextIsPrintedWhileItComes() throws Exception {
    var printed = printed(() -> StreamShakespeare.main(new String[] {CHECKPOINT}));

    try (var model = LanguageModel.open(Path.of(CHECKPOINT))) {
      var options = GenerationOptions.DEFAULT.withMaxTokens(60).withSeed(7L);
      var text = model.generate("ROMEO:\n", options);
      assertThat(printed)
          .startsWith(text.text())
          .contains("(%d tokens, ended by".formatted(text.tokens().size()));
    }
  }

  @Test
  void manyTextsShareSteps() throws Exception {
    var printed = printed(() -> ManyAtOnce.main(new String[] {CHECKPOINT}));

    assertThat(printed.lines()).hasSize(17);
    var counts = Pattern.compile("\\((\\d+) tokens in (\\d+) steps\\)").matcher(printed);
    assertThat(counts.find()).as(printed).isTrue();
    assertThat(Integer.parseInt(counts.group(2))).isLessThan(Integer.parseInt(counts.group(1)) / 2);
  }

  @Test
  void aChatIsAnswered() throws Exception {
    var printed = printed(() -> ChatWithLangChain.main(new String[] {CHECKPOINT}));

    assertThat(printed.lines().findFirst().orElse("")).isNotBlank();
    assertThat(printed).contains("inputTokenCount = ");
  }

  @Test
  void keysAndValuesAreStreamedWithoutAModel() throws Exception {
    var printed = printed(() -> StreamKv.main(new String[0]));

    assertThat(printed)
        .contains("the replica has it: Done[tokens=600]")
        .contains("request 1234: 600 tokens in 38 blocks");
  }

  private interface Main {
    void run() throws Exception;
  }

  private static String printed(Main main) throws Exception {
    var bytes = new ByteArrayOutputStream();
    var before = System.out;
    try (var out = new PrintStream(bytes, true, UTF_8)) {
      System.setOut(out);
      main.run();
    } finally {
      System.setOut(before);
    }
    return bytes.toString(UTF_8);
  }
}
