package io.dejavu.api;

import io.dejavu.engine.FinishReason;
import io.dejavu.engine.GenerationEvent;
import io.dejavu.engine.TokenLogprobs;
import io.dejavu.model.StopMatcher;
import io.dejavu.model.TextDecoder;
import io.dejavu.model.Tokenizer;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// One continuation on its way into an answer: turns the engine's events into the text, token ids
/// and logprobs of a `choices` entry, and finds its end. [#take] hands out what came since the last
/// call, so the same object makes a streamed answer and a whole one.
final class Choice {
  private final int index;
  private final Prompt prompt;
  private final CompletionRequest request;
  private final @Nullable Tokenizer tokenizer;
  private final @Nullable TextDecoder decoder;
  private final @Nullable StopMatcher stops;
  private final TokenTexts names;

  // What was not taken yet.
  private final StringBuilder text = new StringBuilder();
  private ArrayNode ids = JsonNodeFactory.instance.arrayNode();
  private @Nullable LegacyLogprobs logprobs;
  private @Nullable ArrayNode promptLogprobs;
  private boolean fresh;
  private boolean promptIdsTaken;

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
    this.tokenizer = model.tokenizer();
    this.decoder = tokenizer == null ? null : new TextDecoder(tokenizer, true, prompt.ids());
    this.stops = request.stops().isEmpty() ? null : new StopMatcher(request.stops());
    this.names = new TokenTexts(request.tokensAsIds() ? null : tokenizer);
    if (request.echo()) {
      echo();
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
      case GenerationEvent.Finished finished -> finished(finished);
      case GenerationEvent.Failed(var why) -> throw HttpError.failed(why);
    }
  }

  boolean ended() {
    return finish != null;
  }

  /// Whether there is something to send.
  boolean fresh() {
    return fresh;
  }

  int generated() {
    return generated;
  }

  int cached() {
    return cached;
  }

  /// What came since the last call, as an entry of `choices`.
  ObjectNode take() {
    var json = JsonNodeFactory.instance.objectNode();
    json.put("index", index).put("text", text.toString());
    json.set("logprobs", logprobs == null ? JsonNodeFactory.instance.nullNode() : logprobs.json());
    json.put("finish_reason", finish);
    if (finish != null) {
      switch (stopReason) {
        case null -> json.putNull("stop_reason");
        case Integer id -> json.put("stop_reason", id);
        default -> json.put("stop_reason", stopReason.toString());
      }
    }
    if (request.tokenIds()) {
      if (!promptIdsTaken) {
        var promptIds = json.putArray("prompt_token_ids");
        for (int id : prompt.ids()) {
          promptIds.add(id);
        }
        promptIdsTaken = true;
      }
      json.set("token_ids", ids);
      ids = JsonNodeFactory.instance.arrayNode();
    }
    if (promptLogprobs != null) {
      json.set("prompt_logprobs", promptLogprobs);
      promptLogprobs = null;
    }
    text.setLength(0);
    logprobs = null;
    fresh = false;
    return json;
  }

  private void echo() {
    String echoed = prompt.text();
    if (echoed == null && tokenizer != null) {
      echoed = tokenizer.decode(prompt.ids(), true);
    }
    if (echoed != null) {
      text.append(echoed);
      characters = echoed.length();
    }
    fresh = request.logprobs() < 0; // else its logprobs come with it
  }

  /// @param entries for the second token of the prompt and those that follow
  private void prompt(List<TokenLogprobs> entries) {
    fresh = true;
    int[] promptIds = prompt.ids();
    if (request.echo() && request.logprobs() >= 0) {
      var offsets = tokenizer == null ? null : new TextDecoder(tokenizer, true);
      int offset = 0;
      for (int i = 0; i < promptIds.length; i++) {
        logprobs().add(promptIds[i], offset, i == 0 ? null : entries.get(i - 1));
        offset += offsets == null ? 0 : offsets.push(promptIds[i]).length();
      }
    }
    if (request.listPromptLogprobs()) {
      var list = JsonNodeFactory.instance.arrayNode();
      list.addNull();
      for (int i = 0; i < entries.size(); i++) {
        list.add(byId(promptIds[i + 1], entries.get(i)));
      }
      promptLogprobs = list;
    }
  }

  /// vLLM's form: from token id to logprob, rank and text.
  private ObjectNode byId(int id, TokenLogprobs entry) {
    var json = JsonNodeFactory.instance.objectNode();
    for (int i = 0; i < entry.topIds().length; i++) {
      put(json, entry.topIds()[i], entry.topLogprobs()[i], i + 1);
    }
    if (!json.has(Integer.toString(id))) {
      put(json, id, entry.logprob(), entry.rank());
    }
    return json;
  }

  private void put(ObjectNode json, int id, float logprob, int rank) {
    json.putObject(Integer.toString(id))
        .put("logprob", LegacyLogprobs.finite(logprob))
        .put("rank", rank)
        .put("decoded_token", names.of(id));
  }

  private void token(int id, @Nullable TokenLogprobs entry) {
    generated++;
    if (request.tokenIds()) {
      ids.add(id);
      fresh = true;
    }
    if (request.logprobs() >= 0 && entry != null) {
      logprobs().add(id, characters, entry);
      fresh = true;
    }
    if (decoder == null || endsWith(id)) {
      return; // the text of a token that ends the sequence is no part of the answer
    }
    String piece = decoder.push(id);
    characters += piece.length();
    append(piece);
  }

  private boolean endsWith(int id) {
    if (generated <= request.minTokens() || !request.endIds().contains(id)) {
      return false;
    }
    stopReason = request.stopIds().contains(id) ? (Integer) id : null;
    return true;
  }

  private void append(String piece) {
    if (piece.isEmpty()) {
      return;
    }
    if (stops == null || generated <= request.minTokens()) {
      text.append(piece);
      fresh = true;
      return;
    }
    String safe = stops.push(piece);
    text.append(safe);
    fresh |= !safe.isEmpty();
    String matched = stops.stop();
    if (matched != null) {
      if (request.keepStop()) {
        text.append(matched);
      }
      stopReason = matched;
      end("stop");
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
        text.append(stops.flush());
      }
      end(finished.reason() == FinishReason.STOP ? "stop" : "length");
    }
  }

  private void end(String reason) {
    finish = reason;
    fresh = true;
  }

  private LegacyLogprobs logprobs() {
    var present = logprobs;
    if (present == null) {
      present = new LegacyLogprobs(names);
      logprobs = present;
    }
    return present;
  }
}
