package io.dejavu.grammar;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;

/// Schemas of the supported subset at random, each with a source of JSON that is valid against it.
/// The same seed makes the same.
final class RandomSchemas {
  /// @param schema as JSON
  /// @param instance makes another valid text each time
  record Made(String schema, Supplier<String> instance) {}

  private record Sample(String schema, List<String> values) {}

  private static final List<Sample> STRINGS =
      List.of(
          new Sample("\"pattern\":\"^[a-c]{2,4}$\"", List.of("\"ab\"", "\"abca\"")),
          new Sample("\"pattern\":\"^(é|😀)+x?$\"", List.of("\"é\"", "\"😀éx\"")),
          new Sample("\"pattern\":\"b\"", List.of("\"b\"", "\"a b c\"", "\"\\\"b\"")),
          new Sample(
              "\"pattern\":\"^[^a]\\\\\\\\?$\"", List.of("\"\\n\\\\\"", "\"b\"", "\"\\\"\"")),
          new Sample("\"format\":\"date\"", List.of("\"2024-02-29\"", "\"1999-12-31\"")),
          new Sample(
              "\"format\":\"date-time\"",
              List.of("\"2024-02-29T23:59:59Z\"", "\"2001-01-01T00:00:00.5+01:00\"")),
          new Sample("\"format\":\"time\"", List.of("\"12:34:56Z\"", "\"00:00:00.25-05:30\"")),
          new Sample("\"format\":\"uuid\"", List.of("\"123e4567-e89b-12d3-a456-426614174000\"")),
          new Sample("\"format\":\"ipv4\"", List.of("\"255.0.10.199\"", "\"0.0.0.0\"")));

  private final Random random;

  RandomSchemas(Random random) {
    this.random = random;
  }

  Made next() {
    if (random.nextInt(5) == 0) {
      return recursive();
    }
    return schema(3);
  }

  private Made recursive() {
    var value = schema(1);
    var text =
        """
        {"$ref":"#/$defs/node","$defs":{"node":{"type":"object","properties":{\
        "value":%s,"next":{"anyOf":[{"type":"null"},{"$ref":"#/$defs/node"}]},\
        "all":{"type":"array","items":{"$ref":"#/$defs/node"},"maxItems":3}},\
        "required":["value","next"],"additionalProperties":false}}}"""
            .formatted(value.schema());
    return new Made(text, () -> node(value, 3));
  }

  private String node(Made value, int depth) {
    var members = new ArrayList<String>();
    members.add("\"value\":" + value.instance().get());
    members.add(
        "\"next\":" + (depth == 0 || random.nextBoolean() ? "null" : node(value, depth - 1)));
    if (depth > 0 && random.nextBoolean()) {
      members.add("\"all\":[" + node(value, depth - 1) + "," + node(value, 0) + "]");
    }
    return "{" + String.join(comma(), members) + "}";
  }

  private Made schema(int depth) {
    return switch (random.nextInt(depth == 0 ? 9 : 14)) {
      case 0, 1 -> string();
      case 2, 3 -> integer();
      case 4, 5 -> number();
      case 6 -> new Made("{\"type\":\"boolean\"}", () -> pick(List.of("true", "false")));
      case 7 ->
          new Made(
              "{\"enum\":[\"red\",\"rédd\",1,null,{\"a\":[1.5]},\"\\\"\\n\"]}",
              () ->
                  pick(
                      List.of("\"red\"", "\"rédd\"", "1", "null", "{\"a\":[1.5]}", "\"\\\"\\n\"")));
      case 8 -> {
        var inner = string();
        yield new Made(
            inner.schema().replace("\"type\":\"string\"", "\"type\":[\"string\",\"null\"]"),
            () -> random.nextBoolean() ? "null" : inner.instance().get());
      }
      case 9 -> any(depth);
      case 10, 11 -> array(depth);
      default -> object(depth);
    };
  }

  private Made any(int depth) {
    var one = schema(depth - 1);
    var other = schema(depth - 1);
    return new Made(
        "{\"anyOf\":[%s,%s],\"description\":\"either\"}".formatted(one.schema(), other.schema()),
        () -> (random.nextBoolean() ? one : other).instance().get());
  }

  private Made string() {
    if (random.nextBoolean()) {
      var sample = pick(STRINGS);
      return new Made(
          "{\"type\":\"string\",%s}".formatted(sample.schema()), () -> pick(sample.values()));
    }
    if (random.nextBoolean()) {
      int least = random.nextInt(4);
      int most = least + random.nextInt(6);
      return new Made(
          "{\"type\":\"string\",\"minLength\":%d,\"maxLength\":%d}".formatted(least, most),
          () -> text(least + random.nextInt(most - least + 1)));
    }
    return new Made("{\"type\":\"string\"}", () -> text(random.nextInt(12)));
  }

  /// A string of so many characters, written in all the ways there are.
  private String text(int length) {
    var text = new StringBuilder("\"");
    for (int i = 0; i < length; i++) {
      text.append(
          pick(
              List.of(
                  "a", "Z", " ", "é", "漢", "😀", "\\n", "\\\"", "\\u00e9", "\\uD83D\\ude00", "/")));
    }
    return text.append('"').toString();
  }

  private Made integer() {
    long least = random.nextInt(4) == 0 ? -random.nextInt(5) : random.nextInt(4000) - 2000;
    long most = least + (random.nextBoolean() ? random.nextInt(20) : random.nextInt(100_000));
    return switch (random.nextInt(4)) {
      case 0 ->
          new Made(
              "{\"type\":\"integer\"}",
              () -> Long.toString(random.nextLong() % 1_000_000_000_000L));
      case 1 ->
          new Made(
              "{\"type\":\"integer\",\"minimum\":%d}".formatted(least),
              () -> Long.toString(least + random.nextInt(100_000)));
      case 2 ->
          new Made(
              "{\"type\":\"integer\",\"exclusiveMaximum\":%d}".formatted(most + 1),
              () -> Long.toString(most - random.nextInt(100_000)));
      default ->
          new Made(
              "{\"type\":\"integer\",\"minimum\":%d,\"maximum\":%d}".formatted(least, most),
              () -> Long.toString(least + (long) (random.nextDouble() * (most - least + 1))));
    };
  }

  private Made number() {
    if (random.nextBoolean()) {
      return new Made(
          "{\"type\":\"number\"}",
          () -> pick(List.of("0", "-0.5", "12.25", "1e5", "-3.5E-2", "1" + random.nextInt(1000))));
    }
    int from = random.nextInt(4000) - 2000;
    int width = 1 + random.nextInt(3000);
    return new Made(
        "{\"type\":\"number\",\"minimum\":%s,\"exclusiveMaximum\":%s}"
            .formatted(hundredths(from), hundredths(from + width)),
        () -> hundredths(from + random.nextInt(width)));
  }

  private static String hundredths(int value) {
    int magnitude = Math.abs(value);
    return "%s%d.%02d".formatted(value < 0 ? "-" : "", magnitude / 100, magnitude % 100);
  }

  private Made array(int depth) {
    var item = schema(depth - 1);
    if (random.nextInt(3) == 0) {
      var first = schema(depth - 1);
      return new Made(
          "{\"type\":\"array\",\"prefixItems\":[%s],\"items\":%s,\"minItems\":1,\"maxItems\":3}"
              .formatted(first.schema(), item.schema()),
          () -> {
            var all = new ArrayList<>(List.of(first.instance().get()));
            for (int i = random.nextInt(3); i > 0; i--) {
              all.add(item.instance().get());
            }
            return "[" + String.join(comma(), all) + "]";
          });
    }
    int least = random.nextInt(3);
    int most = least + random.nextInt(3);
    return new Made(
        "{\"type\":\"array\",\"items\":%s,\"minItems\":%d,\"maxItems\":%d}"
            .formatted(item.schema(), least, most),
        () -> {
          var all = new ArrayList<String>();
          for (int i = least + random.nextInt(most - least + 1); i > 0; i--) {
            all.add(item.instance().get());
          }
          return "[" + String.join(comma(), all) + "]";
        });
  }

  private Made object(int depth) {
    var names = List.of("a", "ab", "né", "q\\\"q", "long name");
    var properties = new ArrayList<String>();
    var required = new ArrayList<String>();
    var made = new ArrayList<Made>();
    var used = new ArrayList<String>();
    for (var name : names) {
      if (random.nextBoolean()) {
        var value = schema(depth - 1);
        made.add(value);
        used.add(name);
        properties.add("\"%s\":%s".formatted(name, value.schema()));
        if (random.nextBoolean()) {
          required.add("\"" + name + "\"");
        }
      }
    }
    var extra = random.nextInt(3) == 0 ? null : schema(0);
    var closed = extra == null || random.nextBoolean();
    var schema =
        "{\"type\":\"object\",\"properties\":{%s},\"required\":[%s],\"additionalProperties\":%s}"
            .formatted(
                String.join(",", properties),
                String.join(",", required),
                closed ? "false" : extra.schema());
    return new Made(
        schema,
        () -> {
          var members = new ArrayList<String>();
          for (int i = 0; i < used.size(); i++) {
            if (required.contains("\"" + used.get(i) + "\"") || random.nextBoolean()) {
              members.add(
                  "\"%s\"%s%s".formatted(used.get(i), colon(), made.get(i).instance().get()));
            }
          }
          for (int i = closed ? 0 : random.nextInt(3); i > 0; i--) {
            members.add(
                "\"%s%d\"%s%s"
                    .formatted("abé".substring(0, i), i, colon(), extra.instance().get()));
          }
          return "{" + String.join(comma(), members) + (random.nextBoolean() ? "\n}" : "}");
        });
  }

  private String comma() {
    return pick(List.of(",", ", ", ",\n    ", ",\n\t"));
  }

  private String colon() {
    return pick(List.of(":", ": ", " : "));
  }

  private <T> T pick(List<T> values) {
    return values.get(random.nextInt(values.size()));
  }
}
