package io.dejavu.workload;

import java.io.BufferedReader;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// Traces in JSON: Mooncake's lines of objects, DéjàVu's list of pairs.
final class JsonTraces {
  private static final JsonMapper JSON = new JsonMapper();

  private JsonTraces() {}

  static List<PlannedRequest> objects(String file, BufferedReader lines, int most)
      throws IOException {
    var requests = new ArrayList<PlannedRequest>();
    int number = 0;
    for (String line = lines.readLine();
        line != null && requests.size() < most;
        line = lines.readLine()) {
      number++;
      if (!line.isBlank()) {
        try {
          var request = object(JSON.readTree(line));
          if (request != null) {
            requests.add(request);
          }
        } catch (JacksonException e) {
          throw new TraceException(file, number, "not JSON: " + e.getOriginalMessage());
        } catch (IllegalArgumentException e) {
          throw new TraceException(file, number, String.valueOf(e.getMessage()));
        }
      }
    }
    requests.sort(Comparator.comparing(PlannedRequest::at));
    return requests;
  }

  private static @Nullable PlannedRequest object(JsonNode line) {
    double millis = number(line, "timestamp");
    int prompt = tokens(line, "input_length");
    int output = tokens(line, "output_length");
    var prefix = new ArrayList<Long>();
    JsonNode ids = line.path("hash_ids");
    for (JsonNode id : ids) {
      if (!id.canConvertToLong() || !id.isIntegralNumber()) {
        throw new IllegalArgumentException("hash_ids has %s, not a whole number".formatted(id));
      }
      prefix.add(id.longValue());
    }
    if (!ids.isArray() && !ids.isMissingNode()) {
      throw new IllegalArgumentException("hash_ids is not a list");
    }
    var at = Duration.ofNanos(Math.round(millis * 1e6));
    return prompt == 0 || output == 0 ? null : new PlannedRequest(at, prompt, output, prefix);
  }

  static List<PlannedRequest> pairs(String file, BufferedReader text, int most) throws IOException {
    var requests = new ArrayList<PlannedRequest>();
    try (JsonParser json = JSON.createParser(text)) {
      json.nextToken();
      while (json.nextToken() != JsonToken.END_ARRAY && requests.size() < most) {
        int line = json.currentTokenLocation().getLineNr();
        JsonNode pair = json.readValueAsTree();
        if (pair == null || !pair.isArray() || pair.size() != 2) {
          throw new TraceException(
              file, line, "entry %d is not [prompt, generated]".formatted(requests.size()));
        }
        int prompt = pairTokens(file, line, pair.get(0));
        int output = pairTokens(file, line, pair.get(1));
        if (prompt > 0 && output > 0) {
          requests.add(PlannedRequest.of(prompt, output));
        }
      }
    } catch (JacksonException e) {
      var at = e.getLocation();
      throw new TraceException(
          file, at == null ? 0 : at.getLineNr(), "not JSON: " + e.getOriginalMessage());
    }
    return requests;
  }

  private static int pairTokens(String file, int line, JsonNode node) throws TraceException {
    if (!node.isIntegralNumber() || !node.canConvertToInt() || node.intValue() < 0) {
      throw new TraceException(file, line, node + " is not a number of tokens");
    }
    return node.intValue();
  }

  private static double number(JsonNode line, String name) {
    JsonNode node = line.path(name);
    if (!node.isNumber() || node.doubleValue() < 0) {
      throw new IllegalArgumentException("%s is %s, not a number".formatted(name, shown(node)));
    }
    return node.doubleValue();
  }

  private static int tokens(JsonNode line, String name) {
    JsonNode node = line.path(name);
    if (!node.isIntegralNumber() || !node.canConvertToInt() || node.intValue() < 0) {
      throw new IllegalArgumentException(
          "%s is %s, not a number of tokens".formatted(name, shown(node)));
    }
    return node.intValue();
  }

  private static String shown(JsonNode node) {
    return node.isMissingNode() ? "missing" : node.toString();
  }
}
