package io.dejavu.api;

import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// The tool call that a [ChatParser] is within, and how many there were: what is the same however a
/// model marks its calls. A call that turns out to be none becomes text again, with what stood
/// before it.
final class OpenCall {
  private final Predicate<String> known;
  private String before = "";
  private @Nullable CallObject object;
  private String text = "";
  private int count;

  /// @param known tells names of tools
  OpenCall(Predicate<String> known) {
    this.known = known;
  }

  /// Calls so far, those that broke after a part of them had gone out included.
  int count() {
    return count;
  }

  /// A call begins.
  ///
  /// @param before what stood before it and belongs to it
  void begin(String before) {
    this.before = before;
    object = new CallObject(count, known);
    text = "";
  }

  /// Takes characters as long as the call is open.
  ///
  /// @return the index of the first character not taken
  int push(String piece, int from, Consumer<ChatPart> out) {
    var call = open();
    int next = call.push(piece, from, out);
    switch (call.state()) {
      case OPEN -> {}
      case COMPLETE -> count++;
      case BROKEN -> {
        String all = before + call.raw();
        if (call.started()) {
          out.accept(new ChatPart.Broken(count, all, call.unsent()));
          count++;
        } else {
          text = all;
        }
      }
    }
    return next;
  }

  CallObject.State state() {
    return open().state();
  }

  /// What a broken call leaves as text; empty if a part of it had gone out, and with that the rest.
  String text() {
    return text;
  }

  /// The same at the end of an answer, whose call is cut off.
  String end() {
    var call = open();
    return call.started() ? "" : before + call.raw();
  }

  private CallObject open() {
    if (object == null) {
      throw new IllegalStateException("no call is open");
    }
    return object;
  }
}
