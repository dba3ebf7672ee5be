package io.dejavu.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ImageContent;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.output.FinishReason;
import io.dejavu.engine.EngineConfig;
import io.dejavu.kv.KvConfig;
import io.dejavu.local.GenerationOptions;
import io.dejavu.local.LanguageModel;
import io.dejavu.local.ModelConfig;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import tools.jackson.databind.json.JsonMapper;

/// Chats with the bundled model.
@Timeout(60)
final class DejavuChatModelTest {
  private static final Path CHECKPOINT = Path.of("../models/shakespeare-opt-7m");
  private static final GenerationOptions OPTIONS =
      GenerationOptions.DEFAULT.withMaxTokens(30).withSeed(7L);
  private static final ChatRequest REQUEST =
      ChatRequest.builder()
          .messages(
              SystemMessage.from("Verona. A street."),
              UserMessage.from("Who art thou?"),
              AiMessage.from("A Montague."),
              UserMessage.from("Whither goest thou?"))
          .build();

  private static LanguageModel model;
  private static DejavuChatModel chat;
  private static DejavuStreamingChatModel streaming;

  @BeforeAll
  static void open() {
    model = LanguageModel.open(CHECKPOINT);
    chat = new DejavuChatModel(model, OPTIONS);
    streaming = new DejavuStreamingChatModel(model, OPTIONS);
  }

  @AfterAll
  static void close() {
    model.close();
  }

  @Test
  void anAnswerSaysWhatItCostAndWhyItEnded() {
    var answer = chat.chat(REQUEST);

    var prompt =
        """
        <s>Verona. A street.

        CITIZEN:
        Who art thou?

        ROMEO:
        A Montague.

        CITIZEN:
        Whither goest thou?

        ROMEO:
        """;
    assertThat(answer.aiMessage().text()).isNotBlank();
    assertThat(answer.modelName()).isEqualTo("shakespeare-opt-7m");
    assertThat(answer.tokenUsage().inputTokenCount())
        .isEqualTo(model.tokenizer().encode(prompt, false).length);
    assertThat(answer.tokenUsage().outputTokenCount()).isBetween(1, 30);
    assertThat(answer.finishReason())
        .isEqualTo(
            answer.tokenUsage().outputTokenCount() == 30 ? FinishReason.LENGTH : FinishReason.STOP);
  }

  @Test
  void aStreamIsTheSameAnswerInPieces() throws Exception {
    var answer = new Answer();

    streaming.chat(REQUEST, answer);

    var whole = answer.whole();
    assertThat(String.join("", answer.pieces)).isEqualTo(whole.aiMessage().text());
    assertThat(answer.pieces).hasSizeGreaterThan(3);
    assertThat(whole).isEqualTo(chat.chat(REQUEST));
  }

  @Test
  void aCancelledStreamIsSilent() throws Exception {
    var endless = REQUEST.toBuilder().maxOutputTokens(900).build();
    var heard = new ArrayList<String>();
    var cancelled = new CompletableFuture<Boolean>();

    new DejavuStreamingChatModel(model, OPTIONS.withoutEnd())
        .chat(
            endless,
            new Answer() {
              @Override
              public void onPartialResponse(PartialResponse piece, PartialResponseContext context) {
                heard.add(piece.text());
                context.streamingHandle().cancel();
                cancelled.complete(context.streamingHandle().isCancelled());
              }

              @Override
              public void onCompleteResponse(ChatResponse response) {
                heard.add("complete");
              }
            });

    assertThat(cancelled.get(30, TimeUnit.SECONDS)).isTrue();
    for (int i = 0; i < 1000 && model.engine().status().running() > 0; i++) {
      Thread.sleep(10);
    }
    assertThat(model.engine().status().blocksInUse()).isZero();
    assertThat(heard).hasSize(1);
  }

  @Test
  void chatsTogetherGetWhatEachGetsAlone() throws Exception {
    List<Callable<ChatResponse>> chats = new ArrayList<>();
    for (int i = 0; i < 16; i++) {
      var request = ChatRequest.builder().messages(UserMessage.from("Speak! ".repeat(i + 1)));
      chats.add(() -> chat.chat(request.build()));
    }
    var alone = new ArrayList<ChatResponse>();
    for (var one : chats) {
      alone.add(one.call());
    }

    var together = new ArrayList<ChatResponse>();
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (var answer : threads.invokeAll(chats)) {
        together.add(answer.get());
      }
    }

    assertThat(together).isEqualTo(alone);
  }

  @Test
  void whatTheRequestSaysCounts() {
    var few =
        chat.chat(REQUEST.toBuilder().maxOutputTokens(5).temperature(0.0).topK(3).topP(.5).build());

    assertThat(few.tokenUsage().outputTokenCount()).isEqualTo(5);
    assertThat(few.finishReason()).isEqualTo(FinishReason.LENGTH);
  }

  @Test
  void anAnswerFollowsItsSchema() {
    var schema =
        JsonObjectSchema.builder()
            .addEnumProperty("house", List.of("Montague", "Capulet"))
            .addIntegerProperty("age")
            .required("house", "age")
            .build();
    var request =
        REQUEST.toBuilder()
            .maxOutputTokens(200)
            .responseFormat(
                ResponseFormat.builder()
                    .type(ResponseFormatType.JSON)
                    .jsonSchema(JsonSchema.builder().name("person").rootElement(schema).build())
                    .build())
            .build();

    var json = new JsonMapper().readTree(chat.chat(request).aiMessage().text());

    assertThat(json.get("house").stringValue()).isIn("Montague", "Capulet");
    assertThat(json.get("age").isIntegralNumber()).isTrue();
  }

  @Test
  void whatCannotBeIsALangChainException() {
    var tool = ToolSpecification.builder().name("now").description("The time.").build();

    assertThatThrownBy(() -> chat.chat(REQUEST.toBuilder().toolSpecifications(tool).build()))
        .isInstanceOf(UnsupportedFeatureException.class);
    assertThatThrownBy(() -> chat.chat(UserMessage.from(ImageContent.from("http://localhost/a"))))
        .isInstanceOf(UnsupportedFeatureException.class)
        .hasMessageContaining("reads text only");
    assertThatThrownBy(() -> chat.chat("word ".repeat(2000)))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageContaining("the model takes 1 to 1023");
    assertThatThrownBy(() -> chat.chat(REQUEST.toBuilder().modelName("hamlet").build()))
        .isInstanceOf(ModelNotFoundException.class);
    var answer = new Answer();
    streaming.chat("word ".repeat(2000), answer);
    assertThatThrownBy(answer::whole).hasCauseInstanceOf(InvalidRequestException.class);
  }

  @Test
  void aFullQueueIsARateLimit() {
    var one = new EngineConfig(256, 1, 0, 0);
    try (var small = LanguageModel.open(ModelConfig.of(CHECKPOINT), one, KvConfig.DEFAULT);
        var _ = small.start("ROMEO:\n", OPTIONS.withMaxTokens(1000).withoutEnd())) {
      assertThatThrownBy(() -> new DejavuChatModel(small).chat("Who art thou?"))
          .isInstanceOf(RateLimitException.class);
    }
  }

  private static class Answer implements StreamingChatResponseHandler {
    final List<String> pieces = new ArrayList<>();
    private final CompletableFuture<ChatResponse> complete = new CompletableFuture<>();

    @Override
    public void onPartialResponse(String piece) {
      pieces.add(piece);
    }

    @Override
    public void onCompleteResponse(ChatResponse response) {
      complete.complete(response);
    }

    @Override
    public void onError(Throwable error) {
      complete.completeExceptionally(error);
    }

    ChatResponse whole() throws Exception {
      return complete.get(30, TimeUnit.SECONDS);
    }
  }
}
