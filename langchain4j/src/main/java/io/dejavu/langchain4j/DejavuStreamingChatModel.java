package io.dejavu.langchain4j;

import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.chat.response.StreamingHandle;
import io.dejavu.local.GenerationOptions;
import io.dejavu.local.LanguageModel;
import io.dejavu.local.TextGeneration;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;

/// Chats with a model of this process and hands answers over while they come, each from a virtual
/// thread of its own.
public final class DejavuStreamingChatModel implements StreamingChatModel {
  private final ChatTranslation translation;

  /// @param model closed by whoever opened it
  /// @param defaults where a request says nothing
  public DejavuStreamingChatModel(LanguageModel model, GenerationOptions defaults) {
    this.translation = new ChatTranslation(model, defaults);
  }

  public DejavuStreamingChatModel(LanguageModel model) {
    this(model, GenerationOptions.DEFAULT);
  }

  @Override
  public void doChat(ChatRequest request, StreamingChatResponseHandler handler) {
    Thread.ofVirtual().name("dejavu-chat").start(() -> stream(request, handler));
  }

  /// After `cancel` the handler hears nothing more, as LangChain4j has it.
  private void stream(ChatRequest request, StreamingChatResponseHandler handler) {
    try (var generation = translation.start(request)) {
      var handle = new Handle(generation);
      var context = new PartialResponseContext(handle);
      var text =
          generation.finish(
              piece -> {
                if (!handle.isCancelled()) {
                  handler.onPartialResponse(new PartialResponse(piece), context);
                }
              });
      if (!handle.isCancelled()) {
        handler.onCompleteResponse(translation.response(text));
      }
    } catch (InterruptedException e) {
      handler.onError(new LangChain4jException("interrupted while the answer was generated", e));
    } catch (RuntimeException e) {
      handler.onError(ChatTranslation.exception(e));
    }
  }

  @Override
  public Set<Capability> supportedCapabilities() {
    return Set.of(Capability.RESPONSE_FORMAT_JSON_SCHEMA);
  }

  private static final class Handle implements StreamingHandle {
    private final TextGeneration generation;
    private final AtomicBoolean cancelled = new AtomicBoolean();

    Handle(TextGeneration generation) {
      this.generation = generation;
    }

    @Override
    public void cancel() {
      cancelled.set(true);
      generation.cancel();
    }

    @Override
    public boolean isCancelled() {
      return cancelled.get();
    }
  }
}
