package io.dejavu.grammar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigDecimal;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JsonSchemaTest {
  private static void assertMatches(String schema, boolean strict, String valid, String invalid) {
    var grammar = Grammar.jsonSchema(schema, strict);
    for (var json : valid.split("\\|", -1)) {
      assertThat(Texts.matches(grammar, json.strip())).as("%s: %s", schema, json).isTrue();
    }
    for (var json : invalid.split("\\|", -1)) {
      assertThat(Texts.matches(grammar, json.strip())).as("%s: %s", schema, json).isFalse();
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '§',
      quoteCharacter = '`',
      value = {
        "true § 1 | {} | [null] § x",
        "{} § 1 | {} | \"a\" § x",
        "{\"type\":[\"integer\",\"null\"]} § 1 | null § 1.0 | \"a\"",
        "{\"type\":[\"integer\",\"number\"]} § 1 | 1.0 § null",
        "{\"const\":{\"a\":[1,\"é\\n\"]}} § {\"a\":[1,\"é\\n\"]} § {\"a\":[1]}",
        "{\"enum\":[\"a\",1,null],\"type\":\"string\"} § \"a\" § 1 | null",
        "{\"const\":3,\"type\":\"integer\"} § 3 § 3.0",
        "{\"type\":\"integer\",\"minimum\":-7,\"maximum\":12} § -7 | 0 | 12 | 9 | -1 § -8 | 13 | -0 | 07",
        "{\"type\":\"integer\",\"exclusiveMinimum\":9,\"exclusiveMaximum\":101} § 10 | 99 | 100 § 9 | 101",
        "{\"type\":\"integer\",\"minimum\":1.5,\"maximum\":3.5} § 2 | 3 § 1 | 4",
        "{\"type\":\"integer\",\"minimum\":5,\"exclusiveMinimum\":true} § 6 § 5",
        "{\"type\":\"integer\",\"multipleOf\":1} § 5 § 5.0",
        "{\"type\":\"number\",\"multipleOf\":0.01} § 5 | 5.25 | 0.1 § 5.255 | 1e2",
        "{\"type\":\"number\",\"minimum\":0.5,\"maximum\":0.75} § 0.5 | 0.500 | 0.75 | 0.749 § 0.4999 | 0.7501 | 0 | 1",
        "{\"type\":\"number\",\"exclusiveMinimum\":0} § 0.1 | 0.000001 | 7 § 0 | 0.0 | -1",
        "{\"type\":\"number\",\"maximum\":-1.25} § -1.25 | -3 | -1.2500 § -1.2499 | 0 | 1",
        "{\"type\":\"string\",\"minLength\":2,\"maxLength\":3} § \"ab\" | \"é😀\" | \"\\u00e9\\n\" | \"abc\" § \"a\" | \"abcd\" | \"😀\" | \"\\uD83D\\uDE00\"",
        "{\"type\":\"string\",\"pattern\":\"^[\\\"\\\\\\\\]$\"} § \"\\\"\" | \"\\\\\" § \"a\" | \"\"",
        "{\"type\":\"string\",\"pattern\":\"b\"} § \"b\" | \"abc\" | \"\\n b\" § \"a\"",
        "{\"type\":\"array\",\"items\":{\"type\":\"integer\"},\"minItems\":2} § [1,2] | [1, 2, 3] § [1] | [] | [1,\"a\"]",
        "{\"type\":\"array\",\"maxItems\":0} § [] | [ ] § [1]",
        "{\"type\":\"array\",\"items\":false} § [] § [1]",
        "{\"prefixItems\":[{\"type\":\"integer\"},{\"type\":\"boolean\"}],\"items\":{\"type\":\"null\"}} § [] | [1] | [1,true] | [1,true,null,null] § [true] | [1,null] | [1,true,2]",
        "{\"items\":[{\"type\":\"integer\"}],\"additionalItems\":false,\"minItems\":1,\"type\":\"array\"} § [1] § [] | [1,2]",
        "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"},\"b\":{\"type\":\"null\"}},\"required\":[\"b\"]} § {\"a\":1,\"b\":null} | {\"b\":null} | {\"b\":null,\"c\":[1]} | {\"b\": null, \"ab\": 1} § {\"a\":1} | {} | {\"b\":null,\"a\":1} | {\"b\":null,\"b\":1} | {\"b\":null,\"\\u0062\":1}",
        "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"integer\"},\"minProperties\":1,\"maxProperties\":2} § {\"a\":1} | {\"a\":1,\"b\":2} § {} | {\"a\":1,\"b\":2,\"c\":3} | {\"a\":null}",
        "{\"type\":\"object\",\"properties\":{\"a\":false},\"required\":[\"z\"],\"additionalProperties\":{\"type\":\"integer\"}} § {\"z\":1} | {\"z\":1,\"y\":2} § {\"a\":1,\"z\":1} | {} | {\"z\":null}",
        "{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"null\"}]} § 1 | null § true",
        "{\"oneOf\":[{\"const\":1},{\"const\":\"x\"}],\"title\":\"t\"} § 1 | \"x\" § 2",
        "{\"type\":\"object\",\"properties\":{\"k\":{\"type\":\"string\"}},\"required\":[\"k\"],\"anyOf\":[{\"properties\":{\"k\":{\"const\":\"a\"},\"x\":{\"type\":\"integer\"}},\"required\":[\"x\"],\"additionalProperties\":false},{\"properties\":{\"k\":{\"const\":\"b\"}}}]} § {\"k\":\"a\",\"x\":1} | {\"k\":\"b\"} | {\"k\":\"b\",\"y\":1} § {\"k\":\"a\"} | {\"k\":\"c\"}",
        "{\"allOf\":[{\"$ref\":\"#/$defs/base\"},{\"properties\":{\"b\":{\"maximum\":5}}}],\"$defs\":{\"base\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"},\"b\":{\"type\":\"integer\",\"minimum\":1}},\"required\":[\"b\"],\"additionalProperties\":false}}} § {\"a\":1,\"b\":5} | {\"b\":1} § {\"b\":6} | {\"b\":0} | {\"b\":2,\"c\":1} | {}",
        "{\"allOf\":[{\"type\":\"object\",\"properties\":{\"a\":{}},\"additionalProperties\":false},{\"properties\":{\"b\":{}}}]} § {} | {\"a\":1} § {\"b\":1}",
        "{\"$ref\":\"#/definitions/a~1b\",\"description\":\"d\",\"definitions\":{\"a/b\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/definitions/a~1b\"}}}} § [] | [[],[[]]] § [1]",
        "{\"$ref\":\"#/$defs/n\",\"maximum\":3,\"$defs\":{\"n\":{\"type\":\"integer\",\"minimum\":1}}} § 1 | 3 § 0 | 4",
        "{\"type\":\"string\",\"format\":\"email\"} § \"ann@example.org\" § \"ann\" | \"@b.de\"",
        "{\"type\":\"string\",\"format\":\"ipv6\"} § \"::1\" | \"2001:db8::1\" § \":::\"",
        "{\"type\":\"string\",\"format\":\"duration\"} § \"P1DT2H\" | \"PT5S\" | \"P3W\" § \"P\" | \"1D\"",
        "{\"type\":\"string\",\"format\":\"uri\"} § \"https://example.org/a?b=c\" § \"example\"",
        "{\"type\":\"string\",\"format\":\"hostname\"} § \"a.example.org\" § \"-a\"",
        "{\"type\":\"string\",\"format\":\"date\"} § \"2024-02-29\" | \"2000-02-29\" § \"2023-02-29\" | \"1900-02-29\" | \"2024-04-31\" | \"2024-13-01\"",
        "{\"type\":\"integer\",\"minimum\":123456789012345678901234567890} § 123456789012345678901234567890 § 123456789012345678901234567889 | 5"
      })
  void keywords(String schema, String valid, String invalid) {
    assertMatches(schema, false, valid, invalid);
  }

  @Test
  void strictObjectsHaveNoOtherProperties() {
    var schema =
        "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"object\"}},\"required\":[\"a\"]}";
    assertMatches(schema, true, "{\"a\":{}}", "{\"a\":{\"b\":1}}|{\"a\":{},\"b\":1}");
    assertMatches(schema, false, "{\"a\":{\"b\":1},\"b\":1}", "{}");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '§',
      quoteCharacter = '`',
      value = {
        "{\"type\":\"string\" § not valid JSON",
        "[] § a schema is an object",
        "5 § a schema is an object",
        "{\"type\":\"strnig\"} § /type: no type: strnig",
        "{\"type\":7} § /type: expected a string",
        "{\"not\":{}} § not is not supported",
        "{\"properties\":{\"a\":{\"items\":{\"if\":{}}}}} § /properties/a/items: if is not supported",
        "{\"type\":\"object\",\"patternProperties\":{}} § patternProperties is not supported",
        "{\"type\":\"array\",\"uniqueItems\":true} § uniqueItems is not supported",
        "{\"type\":\"array\",\"contains\":{}} § contains is not supported",
        "{\"type\":\"string\",\"pattern\":\"(?=a)\"} § /pattern: regular expression",
        "{\"type\":\"string\",\"pattern\":\"a\",\"maxLength\":3} § only one of pattern",
        "{\"type\":\"string\",\"format\":\"color\"} § format \"color\" is not supported; supported are date",
        "{\"type\":\"string\",\"maxLength\":100000} § /maxLength: 100000 is too large, at most 20,000",
        "{\"type\":\"string\",\"maxLength\":-1} § /maxLength",
        "{\"type\":\"string\",\"maxLength\":1.5} § /maxLength",
        "{\"type\":\"string\",\"maxLength\":\"3\"} § /maxLength: expected a number",
        "{\"type\":\"array\",\"maxItems\":1e999999999} § /maxItems: a number of more than 60 digits",
        "{\"type\":\"integer\",\"minimum\":1e999999999} § /minimum: a number of more than 60 digits",
        "{\"type\":\"integer\",\"multipleOf\":7} § multipleOf is supported for 1",
        "{\"type\":\"integer\",\"minimum\":5,\"maximum\":4} § no text at all",
        "{\"type\":\"string\",\"minLength\":5,\"maxLength\":4} § no text at all",
        "{\"type\":\"array\",\"minItems\":2,\"items\":false} § no text at all",
        "{\"enum\":[]} § /enum: expected an array that is not empty",
        "{\"enum\":[1],\"type\":\"string\"} § enum has no value of the schema's type",
        "{\"enum\":[1],\"minimum\":1} § enum together with minimum is not supported",
        "{\"$ref\":\"http://example.org/a\"} § leads out of the schema",
        "{\"$ref\":\"#/$defs/a\"} § leads nowhere",
        "{\"$ref\":\"#\"} § no text at all",
        "{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"$ref\":\"#/$defs/a\",\"minimum\":1}}} § circle",
        "{\"anyOf\":[]} § /anyOf",
        "{\"anyOf\":{}} § /anyOf",
        "{\"allOf\":[{\"pattern\":\"a\"},{\"pattern\":\"b\"}]} § cannot combine one pattern with another",
        "{\"allOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]} § no text at all",
        "{\"type\":\"object\",\"properties\":{\"a\":{}},\"minProperties\":2} § without properties only",
        "{\"type\":\"object\",\"properties\":[]} § /properties: expected an object",
        "{\"type\":\"object\",\"properties\":{\"a\":3}} § /properties/a: a schema is an object",
        "{\"type\":\"object\",\"properties\":{\"a/b~\":3}} § /properties/a~1b~0: a schema",
        "{\"type\":\"object\",\"required\":\"a\"} § /required",
        "{\"type\":\"object\",\"properties\":{\"\\ud83d\":{}}} § surrogate",
        "{\"const\":\"\\ud83d\"} § surrogate"
      })
  void whatCannotBeKeptIsRefusedWithThePlace(String schema, String reason) {
    assertThatThrownBy(() -> Texts.BYTE_TOKENS.start(Grammar.jsonSchema(schema)))
        .isInstanceOf(GrammarException.class)
        .hasMessageContaining(reason);
  }

  @Test
  void integersBetweenBoundsAreExactlyThose() {
    var random = new Random(9);
    for (int round = 0; round < 60; round++) {
      int least = random.nextInt(3000) - 1500;
      int most = least + random.nextInt(1500);
      var grammar =
          Grammar.jsonSchema(
              "{\"type\":\"integer\",\"minimum\":%d,\"maximum\":%d}".formatted(least, most));
      var machine = new Machine(NetworkBuilder.build(grammar.part()));
      for (int i = -3200; i < 3200; i++) {
        assertThat(Texts.matches(machine, Integer.toString(i)))
            .as("%d in %d to %d", i, least, most)
            .isEqualTo(i >= least && i <= most);
      }
    }
  }

  @Test
  void numbersBetweenBoundsAreExactlyThose() {
    var random = new Random(10);
    for (int round = 0; round < 150; round++) {
      var least = BigDecimal.valueOf(random.nextInt(600) - 300, random.nextInt(4));
      var most = least.add(BigDecimal.valueOf(random.nextInt(300), random.nextInt(4)));
      boolean open = random.nextBoolean();
      var grammar =
          Grammar.jsonSchema(
              open
                  ? "{\"type\":\"number\",\"exclusiveMinimum\":%s,\"exclusiveMaximum\":%s}"
                      .formatted(least.toPlainString(), most.add(BigDecimal.ONE).toPlainString())
                  : "{\"type\":\"number\",\"minimum\":%s,\"maximum\":%s}"
                      .formatted(least.toPlainString(), most.toPlainString()));
      var end = open ? most.add(BigDecimal.ONE) : most;
      var machine = new Machine(NetworkBuilder.build(grammar.part()));
      for (int i = 0; i < 300; i++) {
        var value = near(random, random.nextBoolean() ? least : end);
        boolean inside =
            open
                ? value.compareTo(least) > 0 && value.compareTo(end) < 0
                : value.compareTo(least) >= 0 && value.compareTo(end) <= 0;
        assertThat(Texts.matches(machine, value.toPlainString()))
            .as("%s in %s to %s, open %s", value.toPlainString(), least, end, open)
            .isEqualTo(inside);
      }
    }
  }

  private static BigDecimal near(Random random, BigDecimal bound) {
    return bound.add(BigDecimal.valueOf(random.nextInt(41) - 20, random.nextInt(5)));
  }

  @Test
  void largeAndNestedSchemasAreRefusedNotSuffered() {
    var deep = "{\"items\":".repeat(200) + "{}" + "}".repeat(200);
    var doubling = new StringBuilder("{\"$ref\":\"#/$defs/a0\",\"$defs\":{");
    for (int i = 0; i < 40; i++) {
      doubling.append(
          "\"a%d\":{\"allOf\":[{\"anyOf\":[{\"$ref\":\"#/$defs/a%d\"},{\"type\":\"null\"}]},{\"anyOf\":[{\"$ref\":\"#/$defs/a%d\"},{\"type\":\"integer\"}]}]},"
              .formatted(i, i + 1, i + 1));
    }
    doubling.append("\"a40\":{}}}");
    var wide = new StringBuilder("{\"properties\":{\"p\":{}");
    for (int i = 0; i < 600; i++) {
      wide.append(",\"p%d\":{}".formatted(i));
    }
    wide.append("}}");
    var long20k =
        "{\"type\":\"array\",\"maxItems\":20000,\"items\":{\"type\":\"string\",\"maxLength\":20000}}";
    var huge =
        "{\"prefixItems\":[%s{}]}".formatted((long20k.replace("20000", "19999") + ",").repeat(20));
    var name = "{\"properties\":{\"%s\":{}}}".formatted("n".repeat(10_000));
    var items = "{\"prefixItems\":[%s{}]}".formatted("{},".repeat(20_000));
    for (var schema :
        new String[] {deep, doubling.toString(), wide.toString(), huge, name, items}) {
      assertThatThrownBy(() -> Texts.BYTE_TOKENS.start(Grammar.jsonSchema(schema)))
          .isInstanceOf(GrammarException.class)
          .hasMessageMatching("(?s)#.*(nest|schemas|nodes|at most).*");
    }
    Texts.BYTE_TOKENS.start(Grammar.jsonSchema(long20k)).allowed();
  }

  @Test
  void manyValuesAreOneReading() {
    var values = new StringBuilder("{\"enum\":[0");
    for (int i = 1; i < 10_000; i++) {
      values.append(",\"value %d\"".formatted(i));
    }
    var machine = new Machine(NetworkBuilder.build(Grammar.jsonSchema(values + "]}").part()));

    assertThat(Texts.matches(machine, "\"value 9999\"")).isTrue();
    assertThat(Texts.matches(machine, "\"value 10000\"")).isFalse();
    assertThat(machine.start().readings()).isLessThan(20);
  }
}
