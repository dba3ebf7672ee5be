package io.dejavu.clients;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.openai.errors.BadRequestException;
import com.openai.errors.UnauthorizedException;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.springframework.ai.chat.client.ChatClient;
import org.springframework.ai.openai.OpenAiChatModel;
import org.springframework.ai.openai.OpenAiChatOptions;
import org.springframework.ai.openai.OpenAiEmbeddingModel;
import org.springframework.ai.openai.OpenAiEmbeddingOptions;

/// Spring AI, without Spring's container.
@Timeout(60)
final class SpringAiTest {
  private static ChatClient chat(String key, int tokens) {
    var options =
        OpenAiChatOptions.builder()
            .baseUrl(ServerProcess.url())
            .apiKey(key)
            .model(ServerProcess.MODEL)
            .maxCompletionTokens(tokens)
            .seed(7)
            .timeout(Duration.ofSeconds(50))
            .maxRetries(0)
            .build();
    return ChatClient.create(OpenAiChatModel.builder().options(options).build());
  }

  @Test
  void aChatIsAnswered() {
    var response =
        chat(ServerProcess.KEY, 24)
            .prompt()
            .system("Verona. A street.")
            .user("Who art thou?")
            .call()
            .chatResponse();

    assertThat(response.getResult().getOutput().getText()).isNotBlank();
    assertThat(response.getResult().getMetadata().getFinishReason().toLowerCase(Locale.ROOT))
        .isIn("stop", "length");
    assertThat(response.getMetadata().getUsage().getCompletionTokens()).isBetween(1, 24);
    assertThat(response.getMetadata().getModel()).isEqualTo(ServerProcess.MODEL);
  }

  @Test
  void aStreamIsTheSameAnswerInPieces() {
    var client = chat(ServerProcess.KEY, 24);
    var whole = client.prompt("Who art thou?").call().content();

    var pieces =
        client.prompt("Who art thou?").stream()
            .content()
            .collectList()
            .block(Duration.ofSeconds(50));

    assertThat(pieces).hasSizeGreaterThan(3);
    assertThat(String.join("", pieces)).isEqualTo(whole);
  }

  @Test
  void aTextHasAVector() {
    var options =
        OpenAiEmbeddingOptions.builder()
            .baseUrl(ServerProcess.url())
            .apiKey(ServerProcess.KEY)
            .model(ServerProcess.MODEL)
            .timeout(Duration.ofSeconds(50))
            .maxRetries(0)
            .build();

    var vector = OpenAiEmbeddingModel.builder().options(options).build().embed("Who art thou?");

    assertThat(vector).isNotEmpty();
  }

  @Test
  void mistakesAreTheClientsOwnExceptions() {
    assertThatThrownBy(() -> chat("sk-wrong", 24).prompt("Who art thou?").call().content())
        .satisfies(
            e -> assertThat(causes(e)).hasAtLeastOneElementOfType(UnauthorizedException.class));
    assertThatThrownBy(() -> chat(ServerProcess.KEY, 5000).prompt("Who?").call().content())
        .satisfies(
            e -> assertThat(causes(e)).hasAtLeastOneElementOfType(BadRequestException.class));
  }

  private static List<Throwable> causes(Throwable e) {
    return Stream.iterate(e, cause -> cause != null, Throwable::getCause).toList();
  }
}
