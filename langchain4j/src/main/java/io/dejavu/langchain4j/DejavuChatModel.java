package io.dejavu.langchain4j;

import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import io.dejavu.local.GenerationOptions;
import io.dejavu.local.LanguageModel;
import java.util.Set;

/// Chats with a model of this process. Any number of threads may: their answers are computed
/// together.
public final class DejavuChatModel implements ChatModel {
  private final ChatTranslation translation;

  /// @param model closed by whoever opened it
  /// @param defaults where a request says nothing
  public DejavuChatModel(LanguageModel model, GenerationOptions defaults) {
    this.translation = new ChatTranslation(model, defaults);
  }

  public DejavuChatModel(LanguageModel model) {
    this(model, GenerationOptions.DEFAULT);
  }

  @Override
  public ChatResponse doChat(ChatRequest request) {
    try (var generation = translation.start(request)) {
      return translation.response(generation.finish());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LangChain4jException("interrupted while the answer was generated", e);
    } catch (RuntimeException e) {
      throw ChatTranslation.exception(e);
    }
  }

  @Override
  public Set<Capability> supportedCapabilities() {
    return Set.of(Capability.RESPONSE_FORMAT_JSON_SCHEMA);
  }
}
