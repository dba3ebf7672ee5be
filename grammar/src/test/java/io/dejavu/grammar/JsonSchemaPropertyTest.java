package io.dejavu.grammar;

import static org.assertj.core.api.Assertions.assertThat;

import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.json.JsonMapper;

/// What the masks let through against a validator of others, and what that finds valid against the
/// masks.
class JsonSchemaPropertyTest {
  private static final JsonMapper MAPPER =
      JsonMapper.builder()
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();
  private static final SchemaRegistry REGISTRY =
      SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12);

  private static Schema validator(String schema) {
    return REGISTRY.getSchema(MAPPER.readTree(schema));
  }

  private static void assertValid(Schema validator, String schema, String json, String seed) {
    var errors =
        validator.validate(
            MAPPER.readTree(json),
            context -> context.executionConfig(config -> config.formatAssertionsEnabled(true)));
    assertThat(errors).as("%s, schema %s, text %s", seed, schema, json).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6})
  void whateverTheMasksLetThroughIsValid(long seed) {
    var random = new Random(seed);
    var schemas = new RandomSchemas(random);
    int finished = 0;
    for (int round = 0; round < 25; round++) {
      var made = schemas.next();
      var validator = validator(made.schema());
      var samples =
          new String[] {made.schema(), made.instance().get(), made.instance().get(), "\"}],: é😀"};
      for (var tokens : List.of(Texts.BYTE_TOKENS, Texts.pieces(random, 300, samples))) {
        var grammar = Grammar.jsonSchema(made.schema());
        for (int walk = 0; walk < 3; walk++) {
          var json = Texts.walk(tokens, grammar, random, 400);
          if (!json.equals("!")) {
            finished++;
            assertValid(validator, made.schema(), json, "seed " + seed + ", round " + round);
          }
        }
      }
    }
    assertThat(finished).as("walks that ended").isGreaterThan(75);
  }

  @ParameterizedTest
  @ValueSource(longs = {11, 12, 13, 14, 15, 16})
  void whateverIsValidIsLetThroughHoweverItIsCutIntoTokens(long seed) {
    var random = new Random(seed);
    var schemas = new RandomSchemas(random);
    for (int round = 0; round < 25; round++) {
      var made = schemas.next();
      var validator = validator(made.schema());
      var grammar = Grammar.jsonSchema(made.schema());
      for (int i = 0; i < 4; i++) {
        var json = made.instance().get();
        assertValid(validator, made.schema(), json, "seed " + seed + ", round " + round);
        var tokens = Texts.pieces(random, 60, json);

        assertAccepted(
            tokens, grammar, json, random, "seed %d, schema %s".formatted(seed, made.schema()));
      }
    }
  }

  private static void assertAccepted(
      Texts.Tokens tokens, Grammar grammar, String json, Random random, String seed) {
    var bytes = json.getBytes(StandardCharsets.UTF_8);
    var state = tokens.start(grammar);
    for (int at = 0; at < bytes.length; ) {
      int token = tokenAt(tokens, bytes, at, random);
      assertThat(Texts.isAllowed(state.allowed(), token))
          .as(
              "%s: \"%s\" after %s",
              seed,
              new String(tokens.bytes().get(token), StandardCharsets.UTF_8),
              new String(bytes, 0, at, StandardCharsets.UTF_8))
          .isTrue();
      state = state.after(token);
      at += tokens.bytes().get(token).length;
    }
    assertThat(Texts.isAllowed(state.allowed(), tokens.end()))
        .as("%s: end of %s", seed, json)
        .isTrue();
  }

  /// Any of the tokens with which the rest of the text begins.
  private static int tokenAt(Texts.Tokens tokens, byte[] text, int at, Random random) {
    var fitting = new ArrayList<Integer>();
    for (int id = 0; id < tokens.bytes().size(); id++) {
      var token = tokens.bytes().get(id);
      int to = at + token.length;
      if (to <= text.length && Arrays.equals(token, 0, token.length, text, at, to)) {
        fitting.add(id);
      }
    }
    return fitting.get(random.nextInt(fitting.size()));
  }

  @Test
  void anyJsonParses() {
    var random = new Random(21);
    var tokens = Texts.pieces(random, 200, "{\"a\": [1, 2.5e3, null], \"é😀\": \"\\u00e9\"}\n  ");
    int finished = 0;
    for (int round = 0; round < 60; round++) {
      var json = Texts.walk(tokens, Grammar.anyJsonObject(), random, 300);
      if (!json.equals("!")) {
        finished++;
        assertThat(MAPPER.readTree(json).isObject()).as(json).isTrue();
      }
    }
    assertThat(finished).isGreaterThan(10);
  }
}
