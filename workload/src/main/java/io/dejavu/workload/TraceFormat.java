package io.dejavu.workload;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/// Formats of published traces, and ours. Requests without a prompt or without an answer (failed
/// ones, in BurstGPT's) are left out.
public enum TraceFormat {
  /// `TIMESTAMP,ContextTokens,GeneratedTokens`: Azure's LLM inference traces of 2023 and 2024.
  AZURE(512),
  /// `Timestamp,Model,Request tokens,Response tokens,…`, with seconds.
  BURSTGPT(512),
  /// A JSON object per line: `timestamp` in ms, `input_length`, `output_length`, `hash_ids` of
  /// blocks of 512 tokens of the prompt.
  MOONCAKE(512),
  /// `num_prefill_tokens,num_decode_tokens[,arrived_at]`: Vidur's and vAttention's lengths.
  VIDUR(512),
  /// `[[prompt, generated], …]`: DéjàVu's lengths.
  PAIRS(512);

  private static final int SNIFFED = 4096;

  private final int blockTokens;

  TraceFormat(int blockTokens) {
    this.blockTokens = blockTokens;
  }

  /// By the beginning of the file.
  ///
  /// @throws TraceException if it is none of these
  public static TraceFormat of(Path file) throws IOException {
    String start;
    try (var in = Files.newInputStream(file)) {
      start = new String(in.readNBytes(SNIFFED), UTF_8).strip();
    }
    String head = start.lines().findFirst().orElse("").toLowerCase(Locale.ROOT);
    if (head.startsWith("[")) {
      return PAIRS;
    }
    if (head.startsWith("{")) {
      return MOONCAKE;
    }
    if (head.contains("contexttokens")) {
      return AZURE;
    }
    if (head.contains("request tokens")) {
      return BURSTGPT;
    }
    if (head.contains("num_prefill_tokens")) {
      return VIDUR;
    }
    throw new TraceException(
        file.toString(),
        1,
        "none of the known formats: Azure's or BurstGPT's CSV, Mooncake's JSON lines,"
            + " num_prefill_tokens,num_decode_tokens, or [[prompt, generated], …]");
  }

  /// Whether its requests have times.
  public boolean isTimed() {
    return this != PAIRS && this != VIDUR;
  }

  /// @param most requests that are read
  /// @return the requests in order of arrival, the first at zero
  /// @throws TraceException if a line cannot be read
  public Workload read(Path file, int most) throws IOException {
    String name = file.getFileName() == null ? file.toString() : file.getFileName().toString();
    try (BufferedReader lines = Files.newBufferedReader(file, UTF_8)) {
      var requests =
          switch (this) {
            case AZURE, BURSTGPT, VIDUR -> new CsvTrace(file.toString(), this).read(lines, most);
            case MOONCAKE -> JsonTraces.objects(file.toString(), lines, most);
            case PAIRS -> JsonTraces.pairs(file.toString(), lines, most);
          };
      if (requests.isEmpty()) {
        throw new TraceException(file.toString(), 0, "no request with a prompt and an answer");
      }
      return new Workload(name, blockTokens, requests).faster(1);
    } catch (MalformedInputException e) {
      throw new TraceException(file.toString(), 0, "not text in UTF-8");
    }
  }
}
