package io.dejavu.api;

import io.dejavu.engine.FinishReason;
import io.dejavu.engine.GenerationEvent;
import io.dejavu.engine.TokenLogprobs;
import io.dejavu.model.StopMatcher;
import io.dejavu.model.TextDecoder;
import io.dejavu.model.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonGenerator;

/// One continuation on its way into an answer: turns the engine's events into the text, token ids
/// and logprobs of a `choices` entry, and finds its end. What the text becomes is the business of
/// its [ChoiceForm].
final class Choice {
  private final int index;
  private final Prompt prompt;
  private final CompletionRequest request;
  private final Stopping stopping;
  private final Reporting reporting;
  private final @Nullable Tokenizer tokenizer;
  private final @Nullable TextDecoder decoder;
  private final @Nullable StopMatcher stops;
  private final TokenTexts names;
  private final ChoiceForm form;

  // What was not written yet.
  private final LogprobList logprobs;
  private final List<Integer> ids = new ArrayList<>();
  private @Nullable List<TokenLogprobs> promptLogprobs;
  private boolean promptIds;
  private boolean told;

  /// In the text of this choice, held ones included: where the next token starts.
  private int characters;

  private int generated;
  private int cached;
  private @Nullable String finish;
  private @Nullable Object stopReason;

  Choice(int index, CompletionRequest request, ServedModel model) {
    this.index = index;
    this.prompt = request.prompt(index);
    this.request = request;
    this.stopping = request.stopping();
    this.reporting = request.reporting();
    this.tokenizer = model.tokenizer();
    this.decoder = tokenizer == null ? null : new TextDecoder(tokenizer, true, prompt.ids());
    this.stops = stopping.strings().isEmpty() ? null : new StopMatcher(stopping.strings());
    this.names = new TokenTexts(reporting.tokensAsIds() ? null : tokenizer);
    this.form = request.form().choice();
    this.logprobs = request.form().logprobs(names);
    this.promptIds = reporting.tokenIds();
    String before = request.form().before(prompt, model);
    if (!before.isEmpty()) {
      form.text(before);
      characters = before.length();
    }
  }

  /// @throws HttpError if the engine gave up
  void on(GenerationEvent event) {
    if (ended()) {
      return; // what the engine computed before it heard of the stop
    }
    switch (event) {
      case GenerationEvent.Prompt(var entries) -> prompt(entries);
      case GenerationEvent.Token(_, int id, var entry) -> token(id, entry);
      case GenerationEvent.Embedded _ ->
          throw new IllegalStateException("an embedding, though none was asked for");
      case GenerationEvent.Finished finished -> finished(finished);
      case GenerationEvent.Failed(var why) -> throw HttpError.failed(why);
    }
  }

  boolean ended() {
    return finish != null;
  }

  /// Whether a stream has something to write.
  boolean fresh() {
    if (request.form().promptHasLogprobs() && logprobs.isEmpty() && characters > 0 && !ended()) {
      return false; // echoed text comes with its logprobs
    }
    return form.fresh()
        || !logprobs.isEmpty()
        || !ids.isEmpty()
        || promptLogprobs != null
        || (ended() && !told);
  }

  int generated() {
    return generated;
  }

  int reasoning() {
    return form.reasoning();
  }

  int cached() {
    return cached;
  }

  /// Writes what came since the last call, as an entry of `choices`.
  void chunk(JsonGenerator json) {
    json.writeStartObject();
    json.writeNumberProperty("index", index);
    boolean last = ended() && form.last();
    form.chunk(json);
    rest(json, last);
    json.writeEndObject();
  }

  /// Writes the whole entry of `choices`.
  void whole(JsonGenerator json) {
    json.writeStartObject();
    json.writeNumberProperty("index", index);
    form.whole(json);
    rest(json, true);
    json.writeEndObject();
  }

  private void rest(JsonGenerator json, boolean last) {
    json.writeName("logprobs");
    if (logprobs.isEmpty()) {
      json.writeNull();
    } else {
      logprobs.write(json);
    }
    json.writeStringProperty("finish_reason", last ? finish : null);
    if (last) {
      told = true;
      switch (stopReason) {
        case null -> json.writeNullProperty("stop_reason");
        case Integer id -> json.writeNumberProperty("stop_reason", id);
        default -> json.writeStringProperty("stop_reason", stopReason.toString());
      }
    }
    if (!request.form().promptBesideChoices()) {
      aboutPrompt(json);
    }
    if (reporting.tokenIds()) {
      json.writeArrayPropertyStart("token_ids");
      ids.forEach(json::writeNumber);
      json.writeEndArray();
      ids.clear();
    }
  }

  /// Writes what the client asked about the prompt, once.
  void aboutPrompt(JsonGenerator json) {
    if (promptIds) {
      json.writeArrayPropertyStart("prompt_token_ids");
      for (int id : prompt.ids()) {
        json.writeNumber(id);
      }
      json.writeEndArray();
      promptIds = false;
    }
    var entries = promptLogprobs;
    if (entries != null) {
      json.writeArrayPropertyStart("prompt_logprobs");
      json.writeNull();
      for (int i = 0; i < entries.size(); i++) {
        byId(json, prompt.ids()[i + 1], entries.get(i));
      }
      json.writeEndArray();
      promptLogprobs = null;
    }
  }

  /// @param entries for the second token of the prompt and those that follow
  private void prompt(List<TokenLogprobs> entries) {
    int[] promptIds = prompt.ids();
    if (request.form().promptHasLogprobs()) {
      var offsets = tokenizer == null ? null : new TextDecoder(tokenizer, true);
      int offset = 0;
      for (int i = 0; i < promptIds.length; i++) {
        logprobs.add(promptIds[i], offset, i == 0 ? null : entries.get(i - 1));
        offset += offsets == null ? 0 : offsets.push(promptIds[i]).length();
      }
    }
    if (reporting.listPromptLogprobs()) {
      promptLogprobs = entries;
    }
  }

  /// vLLM's form: from token id to logprob, rank and text.
  private void byId(JsonGenerator json, int id, TokenLogprobs entry) {
    boolean listed = false;
    json.writeStartObject();
    for (int i = 0; i < entry.topIds().length; i++) {
      byId(json, entry.topIds()[i], entry.topLogprobs()[i], i + 1);
      listed |= entry.topIds()[i] == id;
    }
    if (!listed) {
      byId(json, id, entry.logprob(), entry.rank());
    }
    json.writeEndObject();
  }

  private void byId(JsonGenerator json, int id, float logprob, int rank) {
    json.writeObjectPropertyStart(Integer.toString(id));
    json.writeNumberProperty("logprob", LogprobList.finite(logprob));
    json.writeNumberProperty("rank", rank);
    json.writeStringProperty("decoded_token", names.of(id));
    json.writeEndObject();
  }

  private void token(int id, @Nullable TokenLogprobs entry) {
    generated++;
    form.token();
    if (reporting.tokenIds()) {
      ids.add(id);
    }
    if (reporting.logprobs() >= 0 && entry != null) {
      logprobs.add(id, characters, entry);
    }
    if (decoder == null || tokenizer == null || endsWith(id)) {
      return; // the text of a token that ends the sequence is no part of the answer
    }
    String piece =
        request.form().spoken().contains(id)
            ? decoder.flush() + tokenizer.token(id)
            : decoder.push(id);
    characters += piece.length();
    append(piece);
  }

  private boolean endsWith(int id) {
    if (generated <= stopping.minTokens() || !stopping.ids().contains(id)) {
      return false;
    }
    stopReason = stopping.named().contains(id) ? (Integer) id : null;
    return true;
  }

  private void append(String piece) {
    if (piece.isEmpty()) {
      return;
    }
    if (stops == null || generated <= stopping.minTokens()) {
      form.text(piece);
      return;
    }
    form.text(stops.push(piece));
    String matched = stops.stop();
    if (matched != null) {
      if (stopping.keep()) {
        form.text(matched);
      }
      stopReason = matched;
      finish = form.end("stop");
    }
  }

  private void finished(GenerationEvent.Finished finished) {
    cached = finished.cachedTokens();
    if (finished.reason() == FinishReason.CANCELLED) {
      throw HttpError.tryLater(
          503, "the server stopped the request", ApiConfig.DEFAULT.retryAfter());
    }
    if (decoder != null) {
      append(decoder.flush()); // half a character at most
    }
    if (!ended()) {
      if (stops != null) {
        form.text(stops.flush());
      }
      finish = form.end(finished.reason() == FinishReason.STOP ? "stop" : "length");
    }
  }
}
