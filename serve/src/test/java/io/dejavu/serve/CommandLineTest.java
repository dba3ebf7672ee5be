package io.dejavu.serve;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.local.WeightMemory;
import io.dejavu.serve.cli.ExitCode;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class CommandLineTest {
  /// What a command left behind.
  private record Outcome(int code, String out, String err) {}

  private static Outcome run(String... args) {
    var out = new StringWriter();
    var err = new StringWriter();
    int code = Dejavu.run(new PrintWriter(out), new PrintWriter(err), args);
    return new Outcome(code, out.toString(), err.toString());
  }

  @Test
  void weightsThatDoNotFitHaveACodeOfTheirOwn() {
    assertThat(ExitCode.of(new WeightMemory.TooSmall("no room"))).isEqualTo(ExitCode.MEMORY);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '§',
      textBlock =
          """
          serve --nope                      | 2 | Unknown option: '--nope'
          serve --port x                    | 2 | 'x' is not an int
          serve --port 99999                | 2 | port is 99999, must be between 0 and 65535
          serve --threads 0                 | 2 | --threads is 0, must be at least 1
          serve --dtype int3                | 2 | --dtype is auto, float32 or bfloat16, not int3
          serve --weights int3              | 2 | --weights is stored, int8 or int4
          serve --kernels abacus            | 2 | no kernels 'abacus' on this CPU
          serve --kv-memory 1X              | 2 | '1X' is not a size such as 512M or 2G
          serve --kv-memory 900T            | 2 | --kv-memory is 900 TiB
          serve --max-context 5000          | 2 | --max-context is 5000, must be 2 to 1024
          serve --max-context 1             | 2 | --max-context is 1, must be 2 to 1024
          serve --max-context -1            | 2 | --max-context is -1, must be 2 to 1024
          serve --step-tokens 8             | 2 | --step-tokens is 8, must be at least --max-sequences, which is 64
          serve --max-sequences 0           | 2 | --max-sequences is 0, must be at least 1
          serve --request-timeout 0         | 2 | --request-timeout is 0, must be at least 1
          serve --stop-timeout -1           | 2 | --stop-timeout is -1, must be at least 0
          serve --served-model-name=        | 2 | --served-model-name is blank
          serve --api-key=                  | 2 | the API key: a key has 1 to 512 visible
          serve --api-key-file /none        | 2 | /none does not exist
          serve --kv-host 100T              | 2 | --kv-host is 100
          serve --kv-disk-size 1G           | 2 | --kv-disk-size is of no use without
          serve --kv-disk / --no-prefix-cache | 2 | --kv-disk keeps what the prefix cache has
          serve --kv-disk /dev/null         | 2 | --kv-disk: /dev/null is a file, not
          serve --rate-limit -1             | 2 | a rate limit must not be negative
          serve --allowed-origin a.example  | 2 | "a.example" is not an origin
          serve --tls-cert /none            | 2 | --tls-cert and --tls-key belong together
          serve --tls-cert /none --tls-key /none | 2 | /none does not exist
          serve --max-body 2G               | 2 | --max-body is 2147483648, at most 1G
          serve --pooling max               | 2 | --pooling is last, mean or auto, not max
          serve --max-requests 0            | 2 | requests is 0, must be positive
          serve /nonexistent                | 3 | /nonexistent: no such directory
          serve nowhere                     | 3 | nowhere: no such directory, and not the name of a model on the Hugging Face hub
          serve a/b/c                       | 3 | which are ORG/NAME or ORG/NAME@REVISION
          serve org/name@../x --offline     | 2 | "../x" is not a branch, tag or commit
          serve no/such-model --offline     | 8 | no/such-model is not in the cache
          serve ../serve --revision v1      | 2 | --revision is for models of the hub
          pull                              | 2 | Missing required parameter: 'MODEL'
          pull nowhere                      | 2 | "nowhere" is no model of the hub
          pull org/name@v1 --revision v2    | 2 | --revision v2, and org/name@v1: one of them
          serve --random-weights /none      | 3 | /none: no such file
          serve a --random-weights /none    | 2 | a MODEL or --random-weights, not both
          generate                          | 2 | Missing required parameter
          generate a b c                    | 2 | 3 texts; quote the prompt
          generate --temperature -1 x       | 2 | temperature is -1.0
          bench                             | 2 | measure what?
          bench engine --pp 0 --tg 0        | 2 | there is nothing to measure
          bench engine --pp -1              | 2 | --pp is -1, must be at least 0
          bench engine --pp 5000            | 2 | 5000 tokens, the model was made for 1024
          bench engine --json --plain       | 2 | mutually exclusive
          bench kv                          | 2 | measure what?
          bench kv links --way pigeon       | 2 | --way is 'pigeon', must be
          bench kv links --rounds 0         | 2 | --rounds is 0, must be at least 1
          bench kv links --pieces 65M       | 2 | --pieces has 68157440 bytes, must be
          bench kv disk /none               | 2 | /none is no directory that can be written
          bench kv tiers --disk /none       | 2 | --disk /none --bytes 4294967296: no directory
          bench kv tiers --prompts 2        | 2 | --prompts 2 --rounds 9: at least 32, 1, 4 and 1
          bench kv tiers --prompt 1020      | 2 | 1028 tokens, the model was made for 1024
          bench kv stream --disk /none      | 2 | --disk /none is no directory
          bench kv stream --to shm --disk / | 2 | --to shm, --disk /: one of them
          bench kv stream --to pigeon       | 2 | --to is 'pigeon', must be
          bench kv stream --disk / --link-rate 1GB | 2 | --link-rate: there is no link to a disk
          bench kv stream --link-rate fast  | 2 | 'fast' is not a rate such as 10Gbit
          bench kv stream --link-rate 1Kbit | 2 | --link-rate is 1Kbit, must be at least 1MB
          bench kv stream --batch 257       | 2 | --batch is 257, must be 1 to 256
          bench kv stream --prompt 0        | 2 | --prompt 0 --tokens 500
          bench kv stream --tokens 1000     | 2 | 1500 tokens, the model was made for 1024
          bench kv survive --kills -1       | 2 | --kills is -1, must be at least 0
          bench kv survive --seconds 0      | 2 | --seconds is 0, must be at least 1
          bench kv survive --concurrency 17 | 2 | --concurrency is 17, must be 1 to 16
          bench kv survive --within 0       | 2 | --within is 0, must be at least 1
          bench kv survive --warm-up -1     | 2 | --warm-up is -1.0, must be 0 to 3600
          bench kv survive --kernels abacus | 2 | no kernels 'abacus' on this CPU
          bench kv survive --kv-memory 1K   | 2 | --kv-memory is 1 KiB: a KV block takes
          bench kv survive --kv-memory 1M   | 2 | --kv-memory is 1 MiB, 8 requests at once may need
          bench kv survive --kv-memory 900T | 2 | --kv-memory is 900 TiB, 3 processes share
          bench serve --base-url x          | 2 | 'x' is not a URL such as
          bench serve --rate 0              | 2 | rate is 0.0, must be over 0
          bench serve --rate 1 --burstiness 0 | 2 | burstiness is 0.0, must be over 0
          bench serve --concurrency 0       | 2 | --concurrency is 0, must be at least 1
          bench serve --num-prompts 0       | 2 | --num-prompts is 0, must be at least 1
          bench serve --workload nope       | 2 | --workload is nope, must be one of [fixed, chat,
          bench serve --input-len 5..4      | 2 | lengths from 5 to 4
          bench serve --output-len x        | 2 | 'x' is not a length such as 128
          bench serve --max-len 1           | 2 | --max-len leaves no request
          bench serve --goodput ttft        | 2 | 'ttft' is not a limit in milliseconds
          bench serve --find-rate           | 2 | --find-rate needs --goodput
          bench serve --percentiles 101     | 2 | --percentiles has 101.0, must be 0 to 100
          bench serve --endpoint chat --prompt tokens | 2 | a chat has text, not token ids
          bench serve --trace /none         | 2 | --trace /none cannot be read
          bench serve --extra-body [1]      | 2 | --extra-body is not a JSON object
          bench serve --base-url http://127.0.0.1:1 | 7 | http://127.0.0.1:1/v1/models does not answer
          bench compare a                   | 2 | Missing required parameter: 'B'
          bench compare /none /none         | 2 | /none: no such file, nor {…}
          bench compare {rate:} {}          | 2 | A: rate is null
          bench compare {} {} --rounds 0    | 2 | --rounds is 0, must be at least 1
          nonsense                          | 2 | there is no command 'nonsense'; see 'dejavu --help'
          bench nonsense                    | 2 | there is no command 'nonsense'; see 'dejavu bench --help'
          --nonsense                        | 2 | Unknown option: '--nonsense'
          doctor --threads 0                | 2 | --threads is 0, must be at least 1
          bench serve --html /none/x.html   | 2 | --html: /none/x.html cannot be written
          bench serve --json /none/x.json   | 2 | --json: /none/x.json cannot be written
          bench compare {} {} --json /none/x | 2 | --json: /none/x cannot be written
          """)
  void aMistakeIsOneLineAndHasItsCode(String args, int code, String message) {
    var outcome = run(args.split(" "));

    assertThat(outcome.code).as(outcome.err).isEqualTo(code);
    assertThat(outcome.err).startsWith("dejavu: ").contains(message);
    assertThat(outcome.err.lines()).hasSize(1);
    assertThat(outcome.out).isEmpty();
  }

  @Test
  void aTakenPortHasItsCode() throws IOException {
    try (var taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      var outcome = run("serve", "--port", Integer.toString(taken.getLocalPort()));

      assertThat(outcome.code).isEqualTo(ExitCode.ADDRESS.code());
      assertThat(outcome.err).contains("cannot listen on 127.0.0.1:" + taken.getLocalPort());
      assertThat(outcome.err.lines()).hasSize(1);
    }
  }

  @Test
  void aDamagedTokenizerIsDamageOfTheModel(@TempDir Path copy) throws IOException {
    var original = Repository.ROOT.resolve("models/shakespeare-opt-7m");
    for (var name : List.of("config.json", "model.safetensors")) {
      Files.copy(original.resolve(name), copy.resolve(name));
    }
    Files.writeString(copy.resolve("tokenizer.json"), "{\"model\": ");

    var outcome = run("generate", copy.toString(), "x");

    assertThat(outcome.code).isEqualTo(ExitCode.MODEL.code());
    assertThat(outcome.err).contains("tokenizer.json");
    assertThat(outcome.err.lines()).hasSize(1);
  }

  @Test
  void helpTeachesByExamples() {
    for (var command :
        List.of(
            List.of("--help"),
            List.of("serve", "--help"),
            List.of("generate", "--help"),
            List.of("pull", "--help"),
            List.of("bench", "engine", "--help"),
            List.of("bench", "serve", "--help"),
            List.of("bench", "kv", "survive", "--help"),
            List.of("bench", "compare", "--help"))) {
      var outcome = run(command.toArray(String[]::new));

      assertThat(outcome.code).isZero();
      assertThat(outcome.out).contains("Examples:").contains("  dejavu ");
      assertThat(outcome.out.lines()).allMatch(line -> line.length() <= 100);
    }
  }

  @Test
  void theVersionIsSaid() {
    assertThat(run("--version").out).startsWith("dejavu ").contains("Java 2");
  }

  @Test
  void generatedTextIsAllThatIsPrinted() {
    String[] args = {
      "generate", "ROMEO:\n", "-n", "12", "--temperature", "0", "--dtype", "float32"
    };
    var first = run(args);
    var again = run(args);

    assertThat(first.code).as(first.err).isZero();
    assertThat(first.out).isEqualTo("I will you so, and you.\n\nROMEO:" + System.lineSeparator());
    assertThat(again).isEqualTo(first);
  }

  @Test
  void generationEndsBeforeAStopString() {
    var outcome =
        run("generate", "ROMEO:\n", "--temperature", "0", "--dtype", "float32", "--stop", ", and");

    assertThat(outcome.out.strip()).isEqualTo("I will you so");
  }

  @Test
  void aBenchmarkPrintsLinesOfJson() {
    var outcome =
        run("bench engine --pp 8 --tg 4 --batch 1,3 --repetitions 2 --warm-up 0 --json".split(" "));

    assertThat(outcome.code).as(outcome.err).isZero();
    assertThat(outcome.out.lines()).hasSize(3).allMatch(line -> line.startsWith("{\"engine\":"));
    assertThat(outcome.out)
        .contains("\"test\":\"pp8\"")
        .contains("\"test\":\"tg4\",\"sequences\":3");
  }

  @Test
  void aBenchmarkOfAShapeNeedsNoCheckpoint() {
    String config = Repository.ROOT.resolve("models/shakespeare-opt-7m/config.json").toString();
    var outcome =
        run(
            "bench",
            "engine",
            "--random-weights",
            config,
            "--pp",
            "0",
            "--tg",
            "4",
            "--batch",
            "2",
            "--warm-up",
            "0",
            "--plain");

    assertThat(outcome.code).as(outcome.err).isZero();
    assertThat(Double.parseDouble(outcome.out.strip())).isPositive();
  }
}
