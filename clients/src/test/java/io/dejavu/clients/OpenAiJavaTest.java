package io.dejavu.clients;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.JsonValue;
import com.openai.errors.BadRequestException;
import com.openai.errors.NotFoundException;
import com.openai.errors.OpenAIServiceException;
import com.openai.errors.UnauthorizedException;
import com.openai.helpers.ChatCompletionAccumulator;
import com.openai.models.FunctionDefinition;
import com.openai.models.FunctionParameters;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.chat.completions.ChatCompletionStreamOptions;
import com.openai.models.chat.completions.ChatCompletionToolChoiceOption;
import com.openai.models.completions.CompletionCreateParams;
import com.openai.models.embeddings.EmbeddingCreateParams;
import io.dejavu.local.GenerationOptions;
import io.dejavu.local.LanguageModel;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// OpenAI's official client for Java.
@Timeout(60)
final class OpenAiJavaTest {
  private static OpenAIClient client;

  @BeforeAll
  static void connect() {
    client = client(ServerProcess.KEY);
  }

  @AfterAll
  static void disconnect() {
    client.close();
  }

  private static OpenAIClient client(String key) {
    return OpenAIOkHttpClient.builder()
        .baseUrl(ServerProcess.url())
        .apiKey(key)
        .timeout(Duration.ofSeconds(50))
        .maxRetries(0)
        .build();
  }

  @SuppressWarnings("deprecation") // OpenAI has given up seeds
  private static CompletionCreateParams.Builder completion() {
    return CompletionCreateParams.builder()
        .model(ServerProcess.MODEL)
        .prompt("ROMEO:\n")
        .maxTokens(24)
        .seed(7);
  }

  @SuppressWarnings("deprecation") // OpenAI has given up seeds
  private static ChatCompletionCreateParams.Builder chat() {
    return ChatCompletionCreateParams.builder()
        .model(ServerProcess.MODEL)
        .addSystemMessage("Verona. A street.")
        .addUserMessage("Who art thou?")
        .maxCompletionTokens(24)
        .seed(7);
  }

  @Test
  void aCompletionIsWhatTheSameEngineGeneratesInThisProcess() throws InterruptedException {
    var answer = client.completions().create(completion().build());

    try (var model = LanguageModel.open(ServerProcess.CHECKPOINT)) {
      var here =
          model.generate("ROMEO:\n", GenerationOptions.DEFAULT.withMaxTokens(24).withSeed(7L));
      assertThat(answer.choices().getFirst().text()).isEqualTo(here.text());
      assertThat(answer.usage().orElseThrow().promptTokens()).isEqualTo(here.promptTokens());
      assertThat(answer.usage().orElseThrow().completionTokens()).isEqualTo(here.tokens().size());
    }
  }

  @Test
  void aCompletionMayBeStreamedEchoedStoppedAndHaveLogprobs() {
    var whole = client.completions().create(completion().logprobs(2).build()).choices().getFirst();
    var streamed = new StringBuilder();
    try (var stream = client.completions().createStreaming(completion().build())) {
      stream.stream().forEach(chunk -> chunk.choices().forEach(c -> streamed.append(c.text())));
    }
    var stop = whole.text().substring(10, 13);
    var stopped = client.completions().create(completion().echo(true).stop(stop).build());

    assertThat(streamed).hasToString(whole.text());
    assertThat(whole.logprobs().orElseThrow().tokenLogprobs().orElseThrow()).hasSize(24);
    assertThat(stopped.choices().getFirst().text())
        .isEqualTo("ROMEO:\n" + whole.text().substring(0, whole.text().indexOf(stop)));
  }

  @Test
  void aChatSaysWhatItCost() {
    var answer = client.chat().completions().create(chat().build());

    var choice = answer.choices().getFirst();
    assertThat(choice.message().content().orElseThrow()).isNotBlank();
    var usage = answer.usage().orElseThrow();
    assertThat(usage.completionTokens()).isBetween(1L, 24L);
    assertThat(usage.totalTokens()).isEqualTo(usage.promptTokens() + usage.completionTokens());
    assertThat(choice.finishReason())
        .isEqualTo(
            usage.completionTokens() == 24
                ? ChatCompletion.Choice.FinishReason.LENGTH
                : ChatCompletion.Choice.FinishReason.STOP);
    assertThat(answer.validate()).isSameAs(answer);
  }

  @Test
  void aStreamedChatIsTheSameAnswer() {
    var whole = client.chat().completions().create(chat().build());
    var accumulator = ChatCompletionAccumulator.create();
    long chunks;
    var params =
        chat().streamOptions(ChatCompletionStreamOptions.builder().includeUsage(true).build());
    try (var stream = client.chat().completions().createStreaming(params.build())) {
      chunks = stream.stream().peek(accumulator::accumulate).count();
    }

    var streamed = accumulator.chatCompletion();
    assertThat(chunks).isGreaterThan(5);
    assertThat(streamed.choices().getFirst().message().content())
        .isEqualTo(whole.choices().getFirst().message().content());
    assertThat(streamed.choices().getFirst().finishReason())
        .isEqualTo(whole.choices().getFirst().finishReason());
    assertThat(streamed.usage().orElseThrow().completionTokens())
        .isEqualTo(whole.usage().orElseThrow().completionTokens());
  }

  @Test
  void severalAnswersHaveLogprobs() {
    var answer =
        client.chat().completions().create(chat().n(2).logprobs(true).topLogprobs(3).build());

    assertThat(answer.choices()).hasSize(2);
    var logprobs = answer.choices().get(1).logprobs().orElseThrow().content().orElseThrow();
    assertThat(logprobs).isNotEmpty();
    assertThat(logprobs.getFirst().topLogprobs()).hasSize(3);
    assertThat(logprobs.getFirst().logprob()).isNotPositive();
  }

  /// What the structured answer below is read into.
  static final class Person {
    public House house;
    public boolean armed;

    enum House {
      MONTAGUE,
      CAPULET
    }
  }

  @Test
  void anAnswerIsReadIntoAClass() {
    var params = chat().maxCompletionTokens(200).responseFormat(Person.class).build();

    var answer = client.chat().completions().create(params);

    var person = answer.choices().getFirst().message().content().orElseThrow();
    assertThat(person.house).isIn(Person.House.MONTAGUE, Person.House.CAPULET);
  }

  /// Arguments of the tool below.
  static final class Weather {
    public String day;
  }

  @Test
  void aToolThatMustBeCalledIsCalled() {
    var parameters =
        FunctionParameters.builder()
            .putAdditionalProperty("type", JsonValue.from("object"))
            .putAdditionalProperty(
                "properties",
                JsonValue.from(Map.of("day", Map.of("enum", List.of("today", "tomorrow")))))
            .putAdditionalProperty("required", JsonValue.from(List.of("day")))
            .build();
    var params =
        chat()
            .maxCompletionTokens(200)
            .addFunctionTool(
                FunctionDefinition.builder().name("weather").parameters(parameters).build())
            .toolChoice(ChatCompletionToolChoiceOption.Auto.REQUIRED)
            .parallelToolCalls(false) // the bundled model would call for ever
            .build();

    var choice = client.chat().completions().create(params).choices().getFirst();

    assertThat(choice.finishReason()).isEqualTo(ChatCompletion.Choice.FinishReason.TOOL_CALLS);
    var call =
        choice.message().toolCalls().orElseThrow().getFirst().function().orElseThrow().function();
    assertThat(call.name()).isEqualTo("weather");
    assertThat(call.arguments(Weather.class).day).isIn("today", "tomorrow");
  }

  @Test
  void textsHaveVectors() {
    var texts = List.of("Who art thou?", "Whither goest thou?");
    var params =
        EmbeddingCreateParams.builder()
            .model(ServerProcess.MODEL)
            .inputOfArrayOfStrings(texts)
            .build();

    var vectors = client.embeddings().create(params).data();

    assertThat(vectors).hasSize(2);
    for (var vector : vectors) {
      assertThat(vector.embedding().stream().mapToDouble(x -> x * x).sum())
          .isCloseTo(1, within(1e-3));
    }
    assertThat(vectors.get(0).embedding()).isNotEqualTo(vectors.get(1).embedding());
  }

  @Test
  void theServersModelsAreListed() {
    assertThat(client.models().list().data())
        .extracting(model -> model.id())
        .containsExactly(ServerProcess.MODEL);
  }

  @Test
  void aClosedStreamDoesNotHoldTheServer() {
    var params =
        chat()
            .maxCompletionTokens(900)
            .putAdditionalBodyProperty("ignore_eos", JsonValue.from(true))
            .build();
    for (int i = 0; i < 20; i++) {
      try (var stream = client.chat().completions().createStreaming(params)) {
        assertThat(stream.stream().limit(3)).hasSizeBetween(1, 3);
      }
    }

    assertThat(client.completions().create(completion().build()).choices()).hasSize(1);
  }

  @Test
  void mistakesAreTheClientsOwnExceptions() {
    var stranger = client("sk-wrong");
    assertThatThrownBy(() -> stranger.chat().completions().create(chat().build()))
        .isInstanceOf(UnauthorizedException.class)
        .asInstanceOf(InstanceOfAssertFactories.type(OpenAIServiceException.class))
        .satisfies(e -> assertThat(e.code()).contains("invalid_api_key"));
    stranger.close();
    assertThatThrownBy(() -> client.chat().completions().create(chat().model("hamlet").build()))
        .isInstanceOf(NotFoundException.class)
        .asInstanceOf(InstanceOfAssertFactories.type(OpenAIServiceException.class))
        .satisfies(e -> assertThat(e.code()).contains("model_not_found"));
    assertThatThrownBy(() -> client.chat().completions().create(chat().temperature(-1).build()))
        .isInstanceOf(BadRequestException.class)
        .asInstanceOf(InstanceOfAssertFactories.type(OpenAIServiceException.class))
        .satisfies(e -> assertThat(e.param()).contains("temperature"));
    assertThatThrownBy(() -> client.completions().create(completion().maxTokens(5000).build()))
        .isInstanceOf(BadRequestException.class)
        .asInstanceOf(InstanceOfAssertFactories.type(OpenAIServiceException.class))
        .satisfies(e -> assertThat(e.code()).contains("context_length_exceeded"));
  }
}
