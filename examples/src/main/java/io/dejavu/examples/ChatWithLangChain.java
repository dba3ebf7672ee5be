package io.dejavu.examples;

import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import io.dejavu.langchain4j.DejavuChatModel;
import io.dejavu.local.GenerationOptions;
import io.dejavu.local.LanguageModel;
import java.nio.file.Path;

/// Chats through LangChain4j, in this process.
final class ChatWithLangChain {
  private ChatWithLangChain() {}

  static void main(String[] args) {
    var checkpoint = Path.of(args.length > 0 ? args[0] : "models/shakespeare-opt-7m");
    try (var model = LanguageModel.open(checkpoint)) {
      var chat = new DejavuChatModel(model, GenerationOptions.DEFAULT.withSeed(7L));
      var answer =
          chat.chat(
              SystemMessage.from("Verona. A public place."),
              UserMessage.from("Good morrow! Whither goest thou?"));
      IO.println(answer.aiMessage().text());
      IO.println("(%s)".formatted(answer.tokenUsage()));
    }
  }
}
