package io.dejavu.model;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// Small `tokenizer.json` files of the two families that matter.
final class TinyTokenizer {
  private TinyTokenizer() {}

  /// Byte-level BPE: ids 0-2 are special, 3-258 the bytes, then a few merges; at the end an added
  /// token that is not special and one with a space in it.
  static Path byteLevel(Path directory) throws IOException {
    var vocabulary = new ArrayList<>(List.of("<s>", "</s>", "<pad>"));
    for (int b = 0; b < 256; b++) {
      vocabulary.add(Character.toString(printable(b)));
    }
    vocabulary.addAll(List.of("Ġt", "he", "Ġthe", "ðŁ", "ä½"));
    return write(
        directory,
        """
        {"version":"1.0","truncation":null,"padding":null,
         "added_tokens":[%s,%s,%s,%s,%s],
         "normalizer":null,
         "pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true},
         "post_processor":{"type":"TemplateProcessing",
           "single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
           "pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],
           "special_tokens":{"<s>":{"id":"<s>","ids":[0],"tokens":["<s>"]}}},
         "decoder":{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true},
         "model":{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":null,
           "end_of_word_suffix":null,"fuse_unk":false,"byte_fallback":false,"ignore_merges":false,
           "vocab":%s,
           "merges":[["Ġ","t"],["h","e"],["Ġt","he"],["ð","Ł"],["ä","½"]]}}
        """
            .formatted(
                added(0, "<s>", true),
                added(1, "</s>", true),
                added(2, "<pad>", true),
                added(264, "<think>", false),
                added(265, "two words", false),
                vocabulary(vocabulary)));
  }

  /// As SentencePiece makes them: spaces are ▁, one is put in front, and what the vocabulary lacks
  /// is written in bytes.
  static Path sentencePiece(Path directory) throws IOException {
    var vocabulary = new ArrayList<>(List.of("<unk>", "<s>", "</s>"));
    for (int b = 0; b < 256; b++) {
      vocabulary.add("<0x%02X>".formatted(b));
    }
    vocabulary.addAll(
        List.of("▁", "H", "e", "l", "o", "w", "r", "d", "é", "▁w", "or", "▁wor", "ld", "▁world"));
    return write(
        directory,
        """
        {"version":"1.0","truncation":null,"padding":null,
         "added_tokens":[%s,%s,%s],
         "normalizer":{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},
           {"type":"Replace","pattern":{"String":" "},"content":"▁"}]},
         "pre_tokenizer":null,
         "post_processor":{"type":"TemplateProcessing",
           "single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
           "pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],
           "special_tokens":{"<s>":{"id":"<s>","ids":[1],"tokens":["<s>"]}}},
         "decoder":{"type":"Sequence","decoders":[
           {"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},
           {"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]},
         "model":{"type":"BPE","dropout":null,"unk_token":"<unk>","continuing_subword_prefix":null,
           "end_of_word_suffix":null,"fuse_unk":true,"byte_fallback":true,"ignore_merges":false,
           "vocab":%s,
           "merges":["▁ w","o r","▁w or","l d","▁wor ld"]}}
        """
            .formatted(
                added(0, "<unk>", true),
                added(1, "<s>", true),
                added(2, "</s>", true),
                vocabulary(vocabulary)));
  }

  static Path write(Path directory, String json) throws IOException {
    return Files.writeString(directory.resolve("tokenizer.json"), json);
  }

  private static String added(int id, String content, boolean special) {
    return """
    {"id":%d,"content":"%s","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":%b}"""
        .formatted(id, content, special);
  }

  private static String vocabulary(List<String> tokens) {
    var json = new StringBuilder("{");
    for (int id = 0; id < tokens.size(); id++) {
      var token = tokens.get(id).replace("\\", "\\\\").replace("\"", "\\\"");
      json.append(id == 0 ? "" : ",").append("\"%s\":%d".formatted(token, id));
    }
    return json.append('}').toString();
  }

  // GPT-2's table, written the other way round than in Vocabulary.
  private static int printable(int b) {
    if (b <= ' ') {
      return 0x100 + b;
    }
    if (b >= 0x7f && b <= 0xa0) {
      return 0x121 + b - 0x7f;
    }
    return b == 0xad ? 0x143 : b;
  }
}
