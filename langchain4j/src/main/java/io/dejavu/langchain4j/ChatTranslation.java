package io.dejavu.langchain4j;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.Content;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InternalServerException;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.internal.JsonSchemaElementUtils;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.output.FinishReason;
import dev.langchain4j.model.output.TokenUsage;
import io.dejavu.engine.TokenConstraint;
import io.dejavu.grammar.Grammar;
import io.dejavu.grammar.GrammarVocabulary;
import io.dejavu.grammar.TokenGrammar;
import io.dejavu.local.ChatMessage;
import io.dejavu.local.GeneratedText;
import io.dejavu.local.GenerationException;
import io.dejavu.local.GenerationOptions;
import io.dejavu.local.LanguageModel;
import io.dejavu.local.TextGeneration;
import io.dejavu.template.TemplateException;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/// LangChain4j's requests, answers and exceptions in terms of a [LanguageModel].
final class ChatTranslation {
  private static final JsonMapper JSON = new JsonMapper();

  private final LanguageModel model;
  private final GenerationOptions defaults;

  /// Null until a request wants JSON.
  private volatile @Nullable GrammarVocabulary vocabulary;

  ChatTranslation(LanguageModel model, GenerationOptions defaults) {
    this.model = model;
    this.defaults = defaults;
  }

  /// Begins an answer; the caller closes it.
  TextGeneration start(ChatRequest request) {
    var parameters = request.parameters();
    String name = parameters.modelName();
    if (name != null && !name.equals(model.name())) {
      throw new ModelNotFoundException(
          "there is no model \"%s\" here, but \"%s\"".formatted(name, model.name()));
    }
    if (!parameters.toolSpecifications().isEmpty()) {
      throw new UnsupportedFeatureException("tools are not supported by this model");
    }
    var messages = request.messages().stream().map(ChatTranslation::message).toList();
    return model.startChat(messages, options(parameters));
  }

  private static ChatMessage message(dev.langchain4j.data.message.ChatMessage message) {
    return switch (message) {
      case SystemMessage system -> ChatMessage.system(system.text());
      case UserMessage user ->
          ChatMessage.user(
              user.contents().stream()
                  .map(ChatTranslation::text)
                  .collect(Collectors.joining("\n")));
      case AiMessage answer when !answer.hasToolExecutionRequests() ->
          ChatMessage.assistant(answer.text() == null ? "" : answer.text());
      default ->
          throw new UnsupportedFeatureException(
              "a message of type %s is not supported by this model".formatted(message.type()));
    };
  }

  private static String text(Content content) {
    if (content instanceof TextContent text) {
      return text.text();
    }
    throw new UnsupportedFeatureException(
        "this model reads text only, not content of type " + content.type());
  }

  private GenerationOptions options(ChatRequestParameters parameters) {
    var options = defaults;
    if (parameters.maxOutputTokens() != null) {
      options = options.withMaxTokens(parameters.maxOutputTokens());
    }
    if (parameters.temperature() != null) {
      options = options.withTemperature(parameters.temperature().floatValue());
    }
    if (parameters.topP() != null) {
      options = options.withTopP(parameters.topP().floatValue());
    }
    if (parameters.topK() != null) {
      options = options.withTopK(parameters.topK());
    }
    if (parameters.presencePenalty() != null) {
      options = options.withPresencePenalty(parameters.presencePenalty().floatValue());
    }
    if (parameters.frequencyPenalty() != null) {
      options = options.withFrequencyPenalty(parameters.frequencyPenalty().floatValue());
    }
    if (!parameters.stopSequences().isEmpty()) {
      options = options.withStops(parameters.stopSequences());
    }
    var format = parameters.responseFormat();
    if (format != null && format.type() == ResponseFormatType.JSON) {
      options = options.withConstraint(constraint(format));
    }
    return options;
  }

  /// Answers that are not of this form are impossible.
  private TokenConstraint constraint(ResponseFormat format) {
    var tokens = vocabulary;
    if (tokens == null) {
      tokens = GrammarVocabulary.of(model.tokenizer());
      vocabulary = tokens; // perhaps twice, which is harmless
    }
    var schema = format.jsonSchema();
    var grammar =
        schema == null
            ? Grammar.anyJsonObject()
            : Grammar.jsonSchema(
                JSON.writeValueAsString(JsonSchemaElementUtils.toMap(schema.rootElement(), true)));
    return TokenGrammar.constraint(grammar, tokens, model.endTokens());
  }

  ChatResponse response(GeneratedText text) {
    return ChatResponse.builder()
        .aiMessage(AiMessage.from(text.text()))
        .modelName(model.name())
        .tokenUsage(new TokenUsage(text.promptTokens(), text.tokens().size()))
        .finishReason(
            switch (text.finish()) {
              case STOP -> FinishReason.STOP;
              case LENGTH -> FinishReason.LENGTH;
              case CANCELLED, DEADLINE -> FinishReason.OTHER;
            })
        .build();
  }

  /// What LangChain4j makes of the same error of a server, so that its retries work alike.
  static RuntimeException exception(RuntimeException e) {
    return switch (e) {
      case LangChain4jException known -> known;
      case GenerationException busy when busy.isBusy() -> new RateLimitException(busy);
      case GenerationException failed -> new InternalServerException(failed);
      case TemplateException refused -> new InvalidRequestException(refused);
      case IllegalArgumentException wrong -> new InvalidRequestException(wrong);
      case UnsupportedOperationException lacking ->
          new UnsupportedFeatureException(String.valueOf(lacking.getMessage()));
      default -> e;
    };
  }
}
