package io.dejavu.workload;

import java.io.BufferedReader;
import java.io.IOException;
import java.time.Duration;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// Traces as comma-separated values with a line of names first. None of them has quotes.
final class CsvTrace {
  private static final LocalDateTime EPOCH = LocalDateTime.of(1970, 1, 1, 0, 0);

  private final String file;
  private final String time;
  private final String prompt;
  private final String output;
  private int line;

  CsvTrace(String file, TraceFormat format) {
    this.file = file;
    switch (format) {
      case AZURE -> {
        time = "timestamp";
        prompt = "contexttokens";
        output = "generatedtokens";
      }
      case BURSTGPT -> {
        time = "timestamp";
        prompt = "request tokens";
        output = "response tokens";
      }
      case VIDUR -> {
        time = "arrived_at";
        prompt = "num_prefill_tokens";
        output = "num_decode_tokens";
      }
      default -> throw new IllegalArgumentException(format + " is no CSV");
    }
  }

  List<PlannedRequest> read(BufferedReader lines, int most) throws IOException {
    String names = lines.readLine();
    line = 1;
    if (names == null) {
      throw wrong("the file is empty");
    }
    List<String> columns = List.of(cells(names.toLowerCase(Locale.ROOT).replace("\uFEFF", "")));
    int timeAt = columns.indexOf(time);
    int promptAt = column(columns, prompt);
    int outputAt = column(columns, output);
    var requests = new ArrayList<PlannedRequest>();
    for (String text = lines.readLine();
        text != null && requests.size() < most;
        text = lines.readLine()) {
      line++;
      if (!text.isBlank()) {
        String[] cells = cells(text);
        if (cells.length != columns.size()) {
          throw wrong("%d columns, the first line has %d".formatted(cells.length, columns.size()));
        }
        var request = request(timeAt < 0 ? null : cells[timeAt], cells[promptAt], cells[outputAt]);
        if (request != null) {
          requests.add(request);
        }
      }
    }
    requests.sort(Comparator.comparing(PlannedRequest::at)); // some are slightly out of order
    return requests;
  }

  private @Nullable PlannedRequest request(
      @Nullable String at, String promptText, String outputText) throws TraceException {
    int promptTokens = tokens(prompt, promptText);
    int outputTokens = tokens(output, outputText);
    Duration arrival = at == null ? Duration.ZERO : time(at);
    return promptTokens == 0 || outputTokens == 0
        ? null
        : new PlannedRequest(arrival, promptTokens, outputTokens, List.of());
  }

  /// Seconds, or a date with a time, in UTC unless it says otherwise.
  private Duration time(String text) throws TraceException {
    try {
      double seconds = Double.parseDouble(text);
      if (seconds >= 0 && seconds < 1e10) {
        return Duration.ofNanos(Math.round(seconds * 1e9));
      }
    } catch (NumberFormatException _) {
      String iso = text.replaceFirst(" ", "T");
      try {
        var when =
            iso.matches(".*(Z|[+-]\\d\\d(:?\\d\\d)?)")
                ? OffsetDateTime.parse(iso).withOffsetSameInstant(ZoneOffset.UTC).toLocalDateTime()
                : LocalDateTime.parse(iso);
        if (when.isAfter(EPOCH)) {
          return Duration.between(EPOCH, when);
        }
      } catch (DateTimeParseException _) {
        // said below
      }
    }
    throw wrong("%s is '%s', not a time".formatted(time, text));
  }

  /// Some tools write whole numbers as `7564.0`.
  private int tokens(String name, String text) throws TraceException {
    try {
      double value = Double.parseDouble(text);
      if (value >= 0 && value <= Integer.MAX_VALUE && value == Math.rint(value)) {
        return (int) value;
      }
    } catch (NumberFormatException _) {
      // said below
    }
    throw wrong("%s is '%s', not a number of tokens".formatted(name, text));
  }

  private int column(List<String> columns, String name) throws TraceException {
    int at = columns.indexOf(name);
    if (at < 0) {
      throw wrong("no column '%s' among %s".formatted(name, columns));
    }
    return at;
  }

  private static String[] cells(String text) {
    String[] cells = text.split(",", -1);
    for (int i = 0; i < cells.length; i++) {
      cells[i] = cells[i].strip();
    }
    return cells;
  }

  private TraceException wrong(String problem) {
    return new TraceException(file, line, problem);
  }
}
