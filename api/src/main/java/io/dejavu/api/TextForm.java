package io.dejavu.api;

import tools.jackson.core.JsonGenerator;

/// A choice of `/v1/completions`: its `text`.
final class TextForm implements ChoiceForm {
  private final StringBuilder text = new StringBuilder();

  @Override
  public void text(String piece) {
    text.append(piece);
  }

  @Override
  public void token() {}

  @Override
  public int reasoning() {
    return 0;
  }

  @Override
  public String end(String reason) {
    return reason;
  }

  @Override
  public boolean fresh() {
    return !text.isEmpty();
  }

  @Override
  public boolean last() {
    return true;
  }

  @Override
  public void chunk(JsonGenerator json) {
    json.writeStringProperty("text", text.toString());
    text.setLength(0);
  }

  @Override
  public void whole(JsonGenerator json) {
    chunk(json);
  }
}
