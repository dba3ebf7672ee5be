package io.dejavu.api;

import static io.dejavu.api.ServerFixture.text;
import static org.assertj.core.api.Assertions.assertThat;

import java.net.BindException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

class CompletionsTest {
  private ServerFixture api;

  @BeforeEach
  void open() throws BindException {
    api = new ServerFixture();
  }

  @AfterEach
  void close() {
    api.close();
  }

  @Test
  void anAnswerHasEveryRequiredField() throws Exception {
    var answer = api.complete("{\"model\": \"test/model\", \"prompt\": \"Hi\", \"max_tokens\": 5}");

    assertThat(answer.get("id").stringValue()).startsWith("cmpl-");
    assertThat(answer.get("object").stringValue()).isEqualTo("text_completion");
    assertThat(answer.get("created").longValue()).isEqualTo(ServerFixture.START.getEpochSecond());
    assertThat(answer.get("model").stringValue()).isEqualTo("test/model");
    assertThat(answer.get("system_fingerprint").stringValue()).isEqualTo("fp_test");
    var choice = answer.get("choices").get(0);
    assertThat(choice.get("index").intValue()).isZero();
    assertThat(choice.get("text").stringValue()).isEqualTo("Hello");
    assertThat(choice.get("logprobs").isNull()).isTrue();
    assertThat(choice.get("finish_reason").stringValue()).isEqualTo("length");
    assertThat(answer.get("usage").toString())
        .isEqualTo(
            "{\"prompt_tokens\":3,\"completion_tokens\":5,\"total_tokens\":8,"
                + "\"prompt_tokens_details\":{\"cached_tokens\":0}}");
  }

  @Test
  void defaultsAreOpenAis() throws Exception {
    api.complete("{\"prompt\": \"Hi\"}");

    var request = api.engine.requests.getFirst();
    assertThat(request.maxTokens()).isEqualTo(16);
    assertThat(request.sampling().temperature()).isEqualTo(1);
    assertThat(request.sampling().topP()).isEqualTo(1);
    assertThat(request.stopTokens()).containsExactly(ByteTokenizer.END);
    assertThat(request.logprobs()).isEqualTo(-1);
  }

  @Test
  void aStreamIsTheWholeAnswerInPieces() throws Exception {
    var events =
        api.stream(
            "{\"prompt\": \"Hi\", \"max_tokens\": 20, \"stream\": true,"
                + "\"stream_options\": {\"include_usage\": true}}");

    assertThat(text(events, 0)).isEqualTo("Hello, world. Hello,");
    var last = events.removeLast();
    assertThat(last.get("choices")).isEmpty();
    assertThat(last.get("usage").get("completion_tokens").intValue()).isEqualTo(20);
    assertThat(events)
        .allSatisfy(
            event -> {
              assertThat(event.get("usage").isNull()).isTrue();
              assertThat(event.get("object").stringValue()).isEqualTo("text_completion");
              assertThat(event.get("id")).isEqualTo(last.get("id"));
            });
    var reasons = events.stream().map(e -> e.get("choices").get(0).get("finish_reason")).toList();
    assertThat(reasons.getLast().stringValue()).isEqualTo("length");
    assertThat(reasons.subList(0, reasons.size() - 1)).allMatch(JsonNode::isNull);
  }

  @Test
  void noPieceEndsWithinACharacter() throws Exception {
    api.engine.says("Déjà 👋🏽 vu ").pace(Duration.ofMillis(1));

    var events = api.stream("{\"prompt\": \"Hi\", \"max_tokens\": 19, \"stream\": true}");

    assertThat(text(events, 0)).isEqualTo("Déjà 👋🏽 vu ");
    assertThat(events)
        .noneMatch(
            event -> event.get("choices").get(0).get("text").stringValue().contains("\ufffd"));
  }

  @Test
  void aStopStringEndsTheTextAndTheGeneration() throws Exception {
    api.engine.says("one two three four ").pace(Duration.ofMillis(1));

    for (boolean stream : new boolean[] {false, true}) {
      String body =
          """
          {"prompt": "Hi", "max_tokens": 500, "stop": ["xx", "o th"], "stream": %s %s}"""
              .formatted(stream, stream ? ", \"stream_options\": {\"include_usage\": true}" : "");
      var events = stream ? api.stream(body) : List.of(api.complete(body));

      assertThat(text(events, 0)).isEqualTo("one tw");
      var finished = events.get(stream ? events.size() - 2 : 0).get("choices").get(0);
      assertThat(finished.get("finish_reason").stringValue()).isEqualTo("stop");
      assertThat(finished.get("stop_reason").stringValue()).isEqualTo("o th");
      assertThat(events.getLast().get("usage").get("completion_tokens").intValue()).isEqualTo(10);
    }

    assertThat(api.engine.cancelled).hasSize(2);
  }

  @Test
  void aStopStringMayStay() throws Exception {
    api.engine.says("one two three");

    var answer =
        api.complete(
            """
            {"prompt": "Hi", "max_tokens": 50, "stop": "two", "include_stop_str_in_output": true}""");

    assertThat(answer.get("choices").get(0).get("text").stringValue()).isEqualTo("one two");
  }

  @Test
  void aBeginningOfAStopStringComesOutAtTheEnd() throws Exception {
    api.engine.says("one tw");

    var events =
        api.stream("{\"prompt\": \"Hi\", \"max_tokens\": 6, \"stop\": \"two\", \"stream\": true}");

    assertThat(text(events, 0)).isEqualTo("one tw");
  }

  @Test
  void theEndTokenIsCountedAndHasNoText() throws Exception {
    api.engine.says("Ciao$never");

    var answer =
        api.complete("{\"prompt\": \"Hi\", \"max_tokens\": 50, \"return_token_ids\": true}");

    var choice = answer.get("choices").get(0);
    assertThat(choice.get("text").stringValue()).isEqualTo("Ciao");
    assertThat(choice.get("finish_reason").stringValue()).isEqualTo("stop");
    assertThat(choice.get("stop_reason").isNull()).isTrue();
    assertThat(choice.get("token_ids").toString()).isEqualTo("[67,105,97,111,256]");
    assertThat(choice.get("prompt_token_ids").toString()).isEqualTo("[257,72,105]");
    assertThat(answer.get("usage").get("completion_tokens").intValue()).isEqualTo(5);
  }

  @Test
  void theEndTokenCanBeIgnored() throws Exception {
    api.engine.says("Ciao$");

    var answer = api.complete("{\"prompt\": \"Hi\", \"max_tokens\": 7, \"ignore_eos\": true}");

    assertThat(answer.get("choices").get(0).get("text").stringValue()).isEqualTo("CiaoCi");
    assertThat(answer.get("choices").get(0).get("finish_reason").stringValue()).isEqualTo("length");
  }

  @Test
  void aStopTokenIsNamed() throws Exception {
    var answer = api.complete("{\"prompt\": \"Hi\", \"max_tokens\": 50, \"stop_token_ids\": [44]}");

    var choice = answer.get("choices").get(0);
    assertThat(choice.get("text").stringValue()).isEqualTo("Hello");
    assertThat(choice.get("stop_reason").intValue()).isEqualTo(44);
  }

  @Test
  void nothingStopsBeforeTheFewestTokens() throws Exception {
    api.engine.says("a.b.c.d$");

    var answer =
        api.complete(
            "{\"prompt\": \"Hi\", \"max_tokens\": 50, \"min_tokens\": 4, \"stop\": \".\"}");

    assertThat(answer.get("choices").get(0).get("text").stringValue()).isEqualTo("a.b.c");
  }

  @Test
  void severalPromptsAndContinuationsAreOrdered() throws Exception {
    var answer =
        api.complete(
            "{\"prompt\": [\"A\", \"BB\"], \"n\": 3, \"seed\": 100, \"echo\": true, \"max_tokens\": 2}");

    var choices = answer.get("choices");
    assertThat(choices).hasSize(6);
    for (int i = 0; i < 6; i++) {
      assertThat(choices.get(i).get("index").intValue()).isEqualTo(i);
      assertThat(choices.get(i).get("text").stringValue()).isEqualTo(i < 3 ? "AHe" : "BBHe");
    }
    var seeds = new ArrayList<Long>();
    api.engine.requests.forEach(request -> seeds.add(request.seed()));
    assertThat(seeds).containsExactly(100L, 101L, 102L, 100L, 101L, 102L);
    assertThat(answer.get("usage").get("prompt_tokens").intValue()).isEqualTo(5);
    assertThat(answer.get("usage").get("completion_tokens").intValue()).isEqualTo(12);
  }

  @Test
  void withoutASeedEachRequestHasItsOwn() throws Exception {
    api.complete("{\"prompt\": \"A\"}");
    api.complete("{\"prompt\": \"A\"}");

    assertThat(api.engine.requests.get(0).seed()).isNotEqualTo(api.engine.requests.get(1).seed());
  }

  @Test
  void promptsMayBeTokenIds() throws Exception {
    var one = api.complete("{\"prompt\": [72, 105], \"echo\": true, \"max_tokens\": 1}");
    var two = api.complete("{\"prompt\": [[72], [105]], \"echo\": true, \"max_tokens\": 1}");

    assertThat(one.get("choices").get(0).get("text").stringValue()).isEqualTo("HiH");
    assertThat(two.get("choices").get(1).get("text").stringValue()).isEqualTo("iH");
  }

  @Test
  void logprobsAreInOpenAisOldForm() throws Exception {
    var answer =
        api.complete("{\"prompt\": \"Hi\", \"max_tokens\": 2, \"echo\": true, \"logprobs\": 2}");

    assertThat(answer.get("choices").get(0).get("logprobs").toString())
        .isEqualTo(
            "{\"tokens\":[\"<s>\",\"H\",\"i\",\"H\",\"e\"],"
                + "\"token_logprobs\":[null,-0.5,-0.5,-0.5,-0.5],"
                + "\"top_logprobs\":[null,{\"H\":-0.5,\"I\":-1.5},{\"i\":-0.5,\"j\":-1.5},"
                + "{\"H\":-0.5,\"I\":-1.5},{\"e\":-0.5,\"f\":-1.5}],"
                + "\"text_offset\":[0,0,1,2,3]}");
  }

  @Test
  void thePromptAloneCanBeScored() throws Exception {
    var answer =
        api.complete(
            "{\"prompt\": \"Hi\", \"max_tokens\": 0, \"echo\": true, \"logprobs\": 0,"
                + "\"prompt_logprobs\": 1}");

    var choice = answer.get("choices").get(0);
    assertThat(choice.get("text").stringValue()).isEqualTo("Hi");
    assertThat(choice.get("logprobs").get("token_logprobs").toString())
        .isEqualTo("[null,-0.5,-0.5]");
    assertThat(choice.get("prompt_logprobs").toString())
        .isEqualTo(
            "[null,{\"72\":{\"logprob\":-0.5,\"rank\":1,\"decoded_token\":\"H\"}},"
                + "{\"105\":{\"logprob\":-0.5,\"rank\":1,\"decoded_token\":\"i\"}}]");
    assertThat(answer.get("usage").get("completion_tokens").intValue()).isZero();
  }

  @Test
  void partsOfCharactersAreNamedByTheirBytes() throws Exception {
    api.engine.says("é");

    var answer = api.complete("{\"prompt\": \"Hi\", \"max_tokens\": 2, \"logprobs\": 0}");

    var choice = answer.get("choices").get(0);
    assertThat(choice.get("text").stringValue()).isEqualTo("é");
    assertThat(choice.get("logprobs").get("tokens").toString())
        .isEqualTo("[\"bytes:\\\\xc3\",\"bytes:\\\\xa9\"]");
    assertThat(choice.get("logprobs").get("text_offset").toString()).isEqualTo("[0,0]");
  }

  @Test
  void streamedTokenIdsAreComplete() throws Exception {
    var events =
        api.stream(
            "{\"prompt\": \"Hi\", \"max_tokens\": 8, \"stream\": true, \"return_token_ids\": true,"
                + "\"n\": 2, \"logprobs\": 1}");

    for (int index = 0; index < 2; index++) {
      var ids = new ArrayList<Integer>();
      var tokens = new ArrayList<String>();
      int prompts = 0;
      for (JsonNode event : events) {
        var choice = event.get("choices").get(0);
        if (choice.get("index").intValue() == index) {
          choice.get("token_ids").forEach(id -> ids.add(id.intValue()));
          prompts += choice.has("prompt_token_ids") ? 1 : 0;
          if (choice.get("logprobs").isObject()) {
            choice.get("logprobs").get("tokens").forEach(token -> tokens.add(token.stringValue()));
          }
        }
      }
      assertThat(ids).containsExactly(72, 101, 108, 108, 111, 44, 32, 119);
      assertThat(String.join("", tokens)).isEqualTo("Hello, w");
      assertThat(prompts).isEqualTo(1);
    }
  }

  @Test
  void allSamplingFieldsReachTheEngine() throws Exception {
    api.complete(
        """
        {"prompt": "Hi", "temperature": 0.5, "top_p": 0.9, "top_k": 40, "min_p": 0.05,
         "presence_penalty": 0.1, "frequency_penalty": -0.2, "repetition_penalty": 1.1,
         "logit_bias": {"72": -100, "73": 5.5}, "seed": -7, "user": "me", "unknown": [1, {}]}""");

    var request = api.engine.requests.getFirst();
    var sampling = request.sampling();
    assertThat(sampling.temperature()).isEqualTo(0.5f);
    assertThat(sampling.topP()).isEqualTo(0.9f);
    assertThat(sampling.topK()).isEqualTo(40);
    assertThat(sampling.minP()).isEqualTo(0.05f);
    assertThat(sampling.presence()).isEqualTo(0.1f);
    assertThat(sampling.frequency()).isEqualTo(-0.2f);
    assertThat(sampling.repetition()).isEqualTo(1.1f);
    assertThat(sampling.bias()).containsEntry(72, -100f).containsEntry(73, 5.5f);
    assertThat(request.seed()).isEqualTo(-7);
  }

  @Test
  void aTopPOfNothingIsTheLikeliestToken() throws Exception {
    api.complete("{\"prompt\": \"Hi\", \"top_p\": 0}");

    assertThat(api.engine.requests.getFirst().sampling().topP()).isPositive().isLessThan(1e-5f);
  }

  @Test
  void withoutATokenizerTokenIdsAreServed() throws Exception {
    try (var bare = new ServerFixture(ApiConfig.DEFAULT, null)) {
      var answer = bare.complete("{\"prompt\": [1, 2], \"max_tokens\": 3, \"logprobs\": 1}");

      var choice = answer.get("choices").get(0);
      assertThat(choice.get("text").stringValue()).isEmpty();
      assertThat(choice.get("token_ids").toString()).isEqualTo("[72,101,108]");
      assertThat(choice.get("logprobs").get("tokens").get(0).stringValue())
          .isEqualTo("token_id:72");
      var refused = bare.post("{\"prompt\": \"Hi\"}");
      assertThat(refused.statusCode()).isEqualTo(400);
      assertThat(refused.body()).contains("has no tokenizer");
    }
  }

  @Test
  void manyClientsGetTheirOwnTokensOnceEach() throws Exception {
    api.engine.says("0123456789abcdefghijklmnopqrstuvwxyz ").pace(Duration.ofMillis(1));

    List<Callable<String>> clients = new ArrayList<>();
    for (int i = 0; i < 64; i++) {
      clients.add(
          () -> text(api.stream("{\"prompt\": \"Hi\", \"max_tokens\": 74, \"stream\": true}"), 0));
    }
    List<String> texts;
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      texts =
          threads.invokeAll(clients).stream().map(f -> f.resultNow()).collect(Collectors.toList());
    }

    assertThat(texts)
        .hasSize(64)
        .containsOnly("0123456789abcdefghijklmnopqrstuvwxyz 0123456789abcdefghijklmnopqrstuvwxyz ");
    assertThat(api.engine.live).isEmpty();
  }
}
