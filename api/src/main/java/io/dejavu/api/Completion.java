package io.dejavu.api;

import io.dejavu.engine.Engine;
import io.dejavu.engine.GenerationEvent;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.core.JsonGenerator;

/// One request under way: its sequences in the engine and its choices in the making. Owned by the
/// request's thread; closing it cancels what still runs.
final class Completion implements AutoCloseable {
  private final String id;
  private final CompletionRequest request;
  private final AnswerForm form;
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
    this.form = request.form();
    this.model = model;
    this.created = created;
    this.arrivals = arrivals;
  }

  /// Hands all sequences over.
  ///
  /// @throws HttpError if the engine takes not all of them; those it took are cancelled by `close`
  void start(TenantEngine engine) {
    for (int i = 0; i < request.sequences(); i++) {
      choices.add(new Choice(i, request, model));
    }
    unfinished = choices.size();
    for (int i = 0; i < choices.size(); i++) {
      int sequence = i;
      generations.add(
          engine.submit(
              form.promptField(),
              request.sequence(id + "-" + i, i, model.tokenizer()),
              event -> arrivals.add(new Arrivals.Arrival.Event(sequence, event))));
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

  /// Writes the whole answer.
  void answer(JsonGenerator json) {
    json.writeStartObject();
    head(json, form.object());
    json.writeArrayPropertyStart("choices");
    choices.forEach(choice -> choice.whole(json));
    json.writeEndArray();
    if (form.promptBesideChoices()) {
      choices.getFirst().aboutPrompt(json);
    }
    usage(json);
    json.writeEndObject();
  }

  /// Sends what came since the last call, each choice in chunks of its own.
  void chunks(EventStream events) {
    for (var choice : choices) {
      while (choice.fresh()) {
        events.send(json -> chunk(json, choice));
      }
    }
  }

  private void chunk(JsonGenerator json, Choice choice) {
    json.writeStartObject();
    head(json, form.chunkObject());
    json.writeArrayPropertyStart("choices");
    choice.chunk(json);
    json.writeEndArray();
    if (form.promptBesideChoices() && choice == choices.getFirst()) {
      choice.aboutPrompt(json);
    }
    if (request.usage()) {
      json.writeNullProperty("usage");
    }
    json.writeEndObject();
  }

  /// The last chunk of a stream whose client asked for the usage.
  void usageChunk(JsonGenerator json) {
    json.writeStartObject();
    head(json, form.chunkObject());
    json.writeArrayPropertyStart("choices");
    json.writeEndArray();
    usage(json);
    json.writeEndObject();
  }

  int generatedTokens() {
    return choices.stream().mapToInt(Choice::generated).sum();
  }

  int promptTokens() {
    return request.prompts().stream().mapToInt(prompt -> prompt.ids().length).sum();
  }

  /// Of each prompt, what its first continuation found computed: the others share its work.
  private int cachedTokens() {
    int sum = 0;
    for (int i = 0; i < choices.size(); i += request.n()) {
      sum += choices.get(i).cached();
    }
    return sum;
  }

  private void head(JsonGenerator json, String object) {
    json.writeStringProperty("id", id);
    json.writeStringProperty("object", object);
    json.writeNumberProperty("created", created);
    json.writeStringProperty("model", model.name());
    json.writeStringProperty("system_fingerprint", model.fingerprint());
    form.head(json);
  }

  private void usage(JsonGenerator json) {
    json.writeObjectPropertyStart("usage");
    json.writeNumberProperty("prompt_tokens", promptTokens());
    json.writeNumberProperty("completion_tokens", generatedTokens());
    json.writeNumberProperty("total_tokens", promptTokens() + generatedTokens());
    json.writeObjectPropertyStart("prompt_tokens_details");
    json.writeNumberProperty("cached_tokens", cachedTokens());
    json.writeEndObject();
    form.usage(json, choices.stream().mapToInt(Choice::reasoning).sum());
    json.writeEndObject();
  }

  @Override
  public void close() {
    generations.forEach(Engine.Generation::cancel);
  }
}
