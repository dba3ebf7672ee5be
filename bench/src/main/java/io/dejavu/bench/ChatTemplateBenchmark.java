package io.dejavu.bench;

import io.dejavu.template.ChatTemplate;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/// What it costs to render a chat of some messages, with a template as long as usual ones and a
/// tool.
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@SuppressWarnings("NullAway.Init") // JMH calls the method marked Setup first
public class ChatTemplateBenchmark {
  private static final String SOURCE =
      """
      {%- macro content_of(message) -%}
        {%- if message.content is string -%}
          {{- message.content | trim -}}
        {%- elif message.content is iterable -%}
          {%- for part in message.content if part.type == 'text' -%}
            {{- part.text -}}
          {%- endfor -%}
        {%- endif -%}
      {%- endmacro -%}
      {%- set ns = namespace(system='You are a helpful assistant.', last_user=-1) -%}
      {%- if messages[0]['role'] == 'system' -%}
        {%- set ns.system = messages[0]['content'] -%}
        {%- set messages = messages[1:] -%}
      {%- endif -%}
      {%- for message in messages -%}
        {%- if message['role'] == 'user' -%}{%- set ns.last_user = loop.index0 -%}{%- endif -%}
      {%- endfor -%}
      {{- '<|im_start|>system\\n' + ns.system -}}
      {%- if tools -%}
        {{- '\\n\\n# Tools\\n\\n<tools>' -}}
        {%- for tool in tools -%}{{- '\\n' ~ (tool | tojson) -}}{%- endfor -%}
        {{- '\\n</tools>' -}}
      {%- endif -%}
      {{- '<|im_end|>\\n' -}}
      {%- for message in messages -%}
        {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
          {{- raise_exception('Roles must alternate user/assistant/user/assistant/...') -}}
        {%- endif -%}
        {%- set text = content_of(message) -%}
        {%- if message.role == 'assistant' and '</think>' in text -%}
          {%- set text = text.split('</think>')[-1].lstrip('\\n') -%}
        {%- endif -%}
        {{- '<|im_start|>' + message.role + '\\n' + text + '<|im_end|>\\n' -}}
      {%- endfor -%}
      {%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}
      """;

  /// Messages in the chat, of some 400 characters each.
  @Param({"3", "21", "201"})
  public int messages = 21;

  private ChatTemplate template;
  private Map<String, Object> variables;

  /// Parses the template and makes up the chat.
  @Setup
  public void parseTemplate() {
    template = ChatTemplate.parse(SOURCE, "benchmark");
    List<Map<String, Object>> chat = new ArrayList<>();
    chat.add(Map.of("role", "system", "content", "Answer briefly."));
    for (int i = 1; i < messages; i++) {
      String thought = i % 2 == 0 ? "<think>\n" + "Hm. ".repeat(20) + "</think>\n\n" : "";
      chat.add(
          Map.of(
              "role",
              i % 2 == 0 ? "assistant" : "user",
              "content",
              thought + "All the world's a stage. ".repeat(16)));
    }
    variables = new HashMap<>();
    variables.put("messages", chat);
    variables.put("add_generation_prompt", true);
    variables.put(
        "tools",
        List.of(
            Map.of(
                "type",
                "function",
                "function",
                Map.of(
                    "name", "weather",
                    "description", "The weather at a place.",
                    "parameters",
                        Map.of(
                            "type", "object",
                            "properties", Map.of("place", Map.of("type", "string")),
                            "required", List.of("place"))))));
  }

  /// One rendering, variables converted anew.
  @Benchmark
  public String render() {
    return template.render(variables);
  }

  /// Parsing, which happens once per model.
  @Benchmark
  public ChatTemplate parse() {
    return ChatTemplate.parse(SOURCE, "benchmark");
  }
}
