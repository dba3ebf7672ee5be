package io.dejavu.workload;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class TraceFormatTest {
  private static Workload read(String name) throws IOException, URISyntaxException {
    var file = Path.of(TraceFormatTest.class.getResource(name).toURI());
    return TraceFormat.of(file).read(file, 1000);
  }

  private static PlannedRequest at(double seconds, int prompt, int output, Long... prefix) {
    return new PlannedRequest(
        Duration.ofNanos(Math.round(seconds * 1e9)), prompt, output, List.of(prefix));
  }

  @Test
  void azuresTracesHaveDates() throws Exception {
    assertThat(read("azure-2023.csv").requests())
        .as("the one without an answer is left out")
        .containsExactly(at(0, 374, 44), at(4.314579, 396, 109), at(5, 879, 55));
    assertThat(read("azure-2024.csv").requests())
        .as("with offsets, in order of arrival")
        .containsExactly(at(0, 200, 6), at(0.5, 100, 5));
  }

  @Test
  void burstGptsTracesHaveSeconds() throws Exception {
    assertThat(read("burstgpt.csv").requests()).containsExactly(at(0, 472, 18), at(40.5, 417, 276));
  }

  @Test
  void mooncakesTracesHavePrefixes() throws Exception {
    var workload = read("mooncake.jsonl");

    assertThat(workload.blockTokens()).isEqualTo(512);
    assertThat(workload.requests())
        .containsExactly(at(0, 1100, 52, 46L, 47L, 48L), at(3.0005, 600, 10, 46L, 49L));
  }

  @Test
  void tracesWithoutTimesAreLengthsOnly() throws Exception {
    assertThat(read("pairs.json").requests()).containsExactly(at(0, 30, 4), at(0, 7, 2));
    assertThat(read("vidur.csv").requests()).containsExactly(at(0, 7564, 192));
    assertThat(TraceFormat.PAIRS.isTimed()).isFalse();
    assertThat(TraceFormat.AZURE.isTimed()).isTrue();
  }

  @Test
  void scaledTracesKeepTheirRatios() throws Exception {
    var scaled = read("mooncake.jsonl").scaled(LengthScale.parse("1/32", 4)).faster(2);

    assertThat(scaled.blockTokens()).isEqualTo(16);
    assertThat(scaled.requests())
        .containsExactly(at(0, 34, 4, 46L, 47L, 48L), at(1.50025, 19, 4, 46L, 49L));
    assertThatThrownBy(() -> LengthScale.parse("1/0", 4))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> LengthScale.parse("a", 4)).hasMessageContaining("'a' is not a scale");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '§',
      textBlock =
          """
          nonsense                                                         | line 1: none of the known formats
          TIMESTAMP,ContextTokens,GeneratedTokens/yesterday,1,2            | line 2: timestamp is 'yesterday', not a time
          TIMESTAMP,ContextTokens,GeneratedTokens/2023-11-16 18:15:46,x,2  | line 2: contexttokens is 'x'
          TIMESTAMP,ContextTokens,GeneratedTokens/2023-11-16 18:15:46,1    | line 2: 2 columns, the first line has 3
          TIMESTAMP,ContextTokens,GeneratedTokens/2023-11-16 18:15:46,1,-2 | line 2: generatedtokens is '-2'
          TIMESTAMP,ContextTokens                                          | line 1: no column 'generatedtokens'
          Timestamp,Request tokens,Response tokens/1,2,3/NaN,2,3           | line 3: timestamp is 'NaN', not a time
          {"timestamp": 0, "input_length": 1, "output_length": 1}/{"times  | line 2: not JSON
          {"timestamp": 0, "input_length": "1", "output_length": 1}        | line 1: input_length is "1", not a number of tokens
          {"timestamp": 0, "input_length": 1}                              | line 1: output_length is missing
          {"timestamp": 0, "input_length": 1, "output_length": 1, "hash_ids": [1.5]} | line 1: hash_ids has 1.5
          [[1, 2],/[3]]                                                    | line 2: entry 1 is not [prompt, generated]
          [[1, 2],/[3, true]]                                              | line 2: true is not a number of tokens
          [[1, 2],/[3                                                      | line 2: not JSON
          [[1, 0]]                                                         | no request with a prompt and an answer
          """)
  void aBadLineIsNamed(String lines, String problem, @TempDir Path folder) throws IOException {
    var file = folder.resolve("trace");
    Files.writeString(file, lines.replace('/', '\n'));

    assertThatThrownBy(() -> TraceFormat.of(file).read(file, 1000))
        .isInstanceOf(TraceException.class)
        .hasMessageStartingWith(file.toString())
        .hasMessageContaining(problem);
  }
}
