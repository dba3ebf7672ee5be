package io.dejavu.clients;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.AuthenticationException;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.openai.OpenAiChatModel;
import dev.langchain4j.model.openai.OpenAiEmbeddingModel;
import dev.langchain4j.model.openai.OpenAiStreamingChatModel;
import dev.langchain4j.model.output.FinishReason;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import tools.jackson.databind.json.JsonMapper;

/// LangChain4j's module for OpenAI.
@Timeout(60)
final class LangChain4jOpenAiTest {
  private static final ChatRequest REQUEST =
      ChatRequest.builder().messages(UserMessage.from("Who art thou?")).build();

  private static OpenAiChatModel.OpenAiChatModelBuilder chat() {
    return OpenAiChatModel.builder()
        .baseUrl(ServerProcess.url())
        .apiKey(ServerProcess.KEY)
        .modelName(ServerProcess.MODEL)
        .maxCompletionTokens(24)
        .seed(7)
        .timeout(Duration.ofSeconds(50))
        .maxRetries(0);
  }

  @Test
  void aChatIsAnsweredTheSameWayAgain() {
    var chat = chat().build();

    var answer = chat.chat(REQUEST);

    assertThat(answer.aiMessage().text()).isNotBlank();
    assertThat(answer.aiMessage()).isEqualTo(chat.chat(REQUEST).aiMessage());
    assertThat(answer.tokenUsage().outputTokenCount()).isBetween(1, 24);
    assertThat(answer.finishReason()).isIn(FinishReason.STOP, FinishReason.LENGTH);
  }

  @Test
  void aStreamIsTheSameAnswerInPieces() throws Exception {
    var streaming =
        OpenAiStreamingChatModel.builder()
            .baseUrl(ServerProcess.url())
            .apiKey(ServerProcess.KEY)
            .modelName(ServerProcess.MODEL)
            .maxCompletionTokens(24)
            .seed(7)
            .timeout(Duration.ofSeconds(50))
            .build();
    var pieces = new StringBuilder(); // written by one thread, read after it has completed
    var complete = new CompletableFuture<ChatResponse>();

    streaming.chat(
        REQUEST,
        new StreamingChatResponseHandler() {
          @Override
          public void onPartialResponse(String piece) {
            pieces.append(piece);
          }

          @Override
          public void onCompleteResponse(ChatResponse response) {
            complete.complete(response);
          }

          @Override
          public void onError(Throwable error) {
            complete.completeExceptionally(error);
          }
        });

    var answer = complete.get(50, TimeUnit.SECONDS);
    assertThat(pieces).hasToString(answer.aiMessage().text());
    assertThat(answer.aiMessage().text())
        .isEqualTo(chat().build().chat(REQUEST).aiMessage().text());
    assertThat(answer.tokenUsage().outputTokenCount()).isPositive();
  }

  @Test
  void anAnswerFollowsItsSchema() {
    var schema =
        JsonObjectSchema.builder()
            .addEnumProperty("house", List.of("Montague", "Capulet"))
            .required("house")
            .build();
    var format =
        ResponseFormat.builder()
            .type(ResponseFormatType.JSON)
            .jsonSchema(JsonSchema.builder().name("person").rootElement(schema).build())
            .build();
    var chat = chat().maxCompletionTokens(100).strictJsonSchema(true).build();

    var answer = chat.chat(REQUEST.toBuilder().responseFormat(format).build());

    assertThat(new JsonMapper().readTree(answer.aiMessage().text()).get("house").stringValue())
        .isIn("Montague", "Capulet");
  }

  @Test
  void aToolThatMustBeCalledIsCalled() {
    var tool =
        ToolSpecification.builder()
            .name("weather")
            .description("The weather of a day.")
            .parameters(
                JsonObjectSchema.builder()
                    .addEnumProperty("day", List.of("today", "tomorrow"))
                    .required("day")
                    .build())
            .build();
    var request =
        REQUEST.toBuilder()
            .toolSpecifications(tool)
            .toolChoice(ToolChoice.REQUIRED)
            .maxOutputTokens(200)
            .build();

    var answer = chat().maxCompletionTokens(null).parallelToolCalls(false).build().chat(request);

    assertThat(answer.finishReason()).isEqualTo(FinishReason.TOOL_EXECUTION);
    var call = answer.aiMessage().toolExecutionRequests().getFirst();
    assertThat(call.name()).isEqualTo("weather");
    assertThat(new JsonMapper().readTree(call.arguments()).get("day").stringValue())
        .isIn("today", "tomorrow");
  }

  @Test
  void aTextHasAVector() {
    var embeddings =
        OpenAiEmbeddingModel.builder()
            .baseUrl(ServerProcess.url())
            .apiKey(ServerProcess.KEY)
            .modelName(ServerProcess.MODEL)
            .timeout(Duration.ofSeconds(50))
            .maxRetries(0)
            .build();

    var vector = embeddings.embed("Who art thou?").content();

    assertThat(vector.dimension()).isPositive();
    assertThat(embeddings.embed("Who art thou?").content()).isEqualTo(vector);
    assertThat(embeddings.embed("Whither?").content()).isNotEqualTo(vector);
  }

  @Test
  void mistakesAreTheClientsOwnExceptions() {
    assertThatThrownBy(() -> chat().apiKey("sk-wrong").build().chat(REQUEST))
        .isInstanceOf(AuthenticationException.class);
    assertThatThrownBy(() -> chat().modelName("hamlet").build().chat(REQUEST))
        .isInstanceOf(ModelNotFoundException.class);
    assertThatThrownBy(() -> chat().build().chat("word ".repeat(2000)))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageContaining("the context holds 1024 tokens");
  }
}
