package io.dejavu.api;

import io.dejavu.engine.Engine;
import io.dejavu.engine.GenerationEvent;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// One request under way: its sequences in the engine and its choices in the making. Owned by the
/// request's thread; closing it cancels what still runs.
final class Completion implements AutoCloseable {
  private final String id;
  private final CompletionRequest request;
  private final ServedModel model;
  private final long created;
  private final Arrivals arrivals;
  private final List<Choice> choices = new ArrayList<>();
  private final List<Engine.Generation> generations = new ArrayList<>();
  private int unfinished;

  Completion(
      String id, CompletionRequest request, ServedModel model, long created, Arrivals arrivals) {
    this.id = id;
    this.request = request;
    this.model = model;
    this.created = created;
    this.arrivals = arrivals;
  }

  /// Hands all sequences over.
  ///
  /// @throws HttpError if the engine takes not all of them; those it took are cancelled by `close`
  void start(Engine engine, ApiConfig config) {
    for (int i = 0; i < request.sequences(); i++) {
      choices.add(new Choice(i, request, model));
    }
    unfinished = choices.size();
    for (int i = 0; i < choices.size(); i++) {
      int sequence = i;
      var outcome =
          engine.submit(
              request.sequence(id + "-" + i, i),
              event -> arrivals.add(new Arrivals.Arrival.Event(sequence, event)));
      switch (outcome) {
        case Engine.Outcome.Accepted(var generation) -> generations.add(generation);
        case Engine.Outcome.Refused(var why) -> throw HttpError.invalid("prompt", why);
        case Engine.Outcome.Busy(var why) ->
            throw HttpError.tryLater(429, why, config.retryAfter());
      }
    }
  }

  /// Waits for something to happen and takes it in.
  ///
  /// @return false if the client has left
  /// @throws HttpError if the answer can't be completed
  boolean advance() throws InterruptedException {
    for (var arrival : arrivals.take()) {
      switch (arrival) {
        case Arrivals.Arrival.Event(int sequence, var event) -> on(sequence, event);
        case Arrivals.Arrival.ClientGone _ -> {
          return false;
        }
        case Arrivals.Arrival.GiveUp(var error) -> throw error;
      }
    }
    return true;
  }

  private void on(int sequence, GenerationEvent event) {
    var choice = choices.get(sequence);
    if (choice.ended()) {
      return;
    }
    choice.on(event);
    if (choice.ended()) {
      unfinished--;
      generations.get(sequence).cancel(); // a stop string ends it here first
    }
  }

  boolean ended() {
    return unfinished == 0;
  }

  /// The whole answer.
  ObjectNode answer() {
    var json = head();
    var list = json.putArray("choices");
    choices.forEach(choice -> list.add(choice.take()));
    json.set("usage", usage());
    return json;
  }

  /// What a stream sends for what came since the last call: one chunk per choice.
  List<ObjectNode> chunks() {
    var chunks = new ArrayList<ObjectNode>();
    for (var choice : choices) {
      if (choice.fresh()) {
        var json = head();
        json.putArray("choices").add(choice.take());
        if (request.usage()) {
          json.putNull("usage");
        }
        chunks.add(json);
      }
    }
    return chunks;
  }

  /// The last chunk of a stream whose client asked for the usage.
  ObjectNode usageChunk() {
    var json = head();
    json.putArray("choices");
    json.set("usage", usage());
    return json;
  }

  int generatedTokens() {
    return choices.stream().mapToInt(Choice::generated).sum();
  }

  int promptTokens() {
    return request.prompts().stream().mapToInt(prompt -> prompt.ids().length).sum();
  }

  private ObjectNode head() {
    return JsonNodeFactory.instance
        .objectNode()
        .put("id", id)
        .put("object", "text_completion")
        .put("created", created)
        .put("model", model.name())
        .put("system_fingerprint", model.fingerprint());
  }

  private ObjectNode usage() {
    var json = JsonNodeFactory.instance.objectNode();
    json.put("prompt_tokens", promptTokens());
    json.put("completion_tokens", generatedTokens());
    json.put("total_tokens", promptTokens() + generatedTokens());
    json.putObject("prompt_tokens_details")
        .put("cached_tokens", choices.stream().mapToInt(Choice::cached).sum());
    return json;
  }

  @Override
  public void close() {
    generations.forEach(Engine.Generation::cancel);
  }
}
