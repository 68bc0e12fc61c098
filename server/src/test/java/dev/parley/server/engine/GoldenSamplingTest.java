package dev.parley.server.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.parley.model.gpt2.Logits;
import dev.parley.model.gpt2.LogitsQuery;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Scores as Hugging Face transformers' own processors leave them, case by case. */
class GoldenSamplingTest {
  /** Made by make_golden.py beside it. */
  private static final Path FILE = Path.of("../model/src/test/resources/golden/sampling.json");

  private static int told;

  private static JsonNode golden() {
    return new JsonMapper().readTree(FILE.toFile());
  }

  static Stream<Named<JsonNode>> cases() throws IOException {
    JsonNode cases = golden().get("cases");
    assertThat(cases.size()).isGreaterThan(100);
    return IntStream.range(0, cases.size())
        .mapToObj(i -> Named.of(i + " " + cases.get(i).get("options").toString(), cases.get(i)));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void process_goldenCase_givesHuggingFacesScores(JsonNode golden) {
    JsonNode file = golden();
    JsonNode vector = file.get("vectors").get(golden.get("vector").asInt());
    LogitsProcessor processor = new LogitsProcessor(file.get("vocab").asInt());
    processor.load(logits(vector));
    int eos = file.get("eos").asInt();

    boolean told =
        processor.process(
            parameters(golden.get("options")),
            new TokenBuffer(ids(vector.get("previous"))),
            file.get("prompt_length").asInt(),
            eos);

    assertThat(told).isTrue();
    assertScores(processor, golden);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void process_someGreatestAlone_givesHuggingFacesScoresOrAsksForAll(JsonNode golden) {
    JsonNode file = golden();
    JsonNode vector = file.get("vectors").get(golden.get("vector").asInt());
    SamplingParameters parameters = parameters(golden.get("options"));
    TokenBuffer tokens = new TokenBuffer(ids(vector.get("previous")));
    int prompt = file.get("prompt_length").asInt();
    int eos = file.get("eos").asInt();
    LogitsQuery usual = SamplingQuery.of(parameters, tokens, prompt, eos);
    LogitsProcessor processor = new LogitsProcessor(file.get("vocab").asInt());
    for (int greatest : new int[] {1, 3, 8, 20, usual.greatest()}) {
      LogitsQuery query = new LogitsQuery(greatest, usual.temperature(), usual.tokens());
      processor.load(Logits.of(logits(vector), query), parameters.temperature());
      if (processor.process(parameters, tokens, prompt, eos)) {
        assertScores(processor, golden);
        told++;
      }
    }
  }

  @AfterAll
  static void mostCasesWereToldByFewLogits() {
    assertThat(told).isGreaterThan(100);
  }

  private static float[] logits(JsonNode vector) {
    float[] logits = new float[vector.get("logits").size()];
    for (int i = 0; i < logits.length; i++) {
      logits[i] = vector.get("logits").get(i).floatValue();
    }
    return logits;
  }

  private static void assertScores(LogitsProcessor processor, JsonNode golden) {
    Map<Integer, Float> scores = new HashMap<>();
    for (int i = 0; i < processor.count(); i++) {
      scores.put(processor.id(i), processor.score(i));
    }
    for (int i = 0; i < golden.get("scores").size(); i++) {
      JsonNode expected = golden.get("scores").get(i);
      float score = scores.getOrDefault(i, Float.NEGATIVE_INFINITY);
      if (expected.isNull()) {
        assertThat(score).as("score %d", i).isEqualTo(Float.NEGATIVE_INFINITY);
      } else {
        assertThat((double) score)
            .as("score %d", i)
            .isCloseTo(expected.doubleValue(), within(1e-5));
      }
    }
  }

  private static SamplingParameters parameters(JsonNode options) {
    Map<Integer, Float> bias = new HashMap<>();
    for (JsonNode entry : options.path("sequence_bias")) {
      bias.put(entry.get(0).get(0).asInt(), entry.get(1).floatValue());
    }
    List<int[]> bad = new ArrayList<>();
    options.path("bad_words_ids").forEach(words -> bad.add(ids(words)));
    return new SamplingParameters(
        100,
        options.path("min_new_tokens").asInt(0),
        true,
        number(options, "temperature", 1),
        options.path("top_k").asInt(0),
        number(options, "top_p", 1),
        number(options, "min_p", 0),
        number(options, "typical_p", 1),
        number(options, "repetition_penalty", 1),
        0,
        0,
        options.path("no_repeat_ngram_size").asInt(0),
        bias,
        bad,
        0);
  }

  private static float number(JsonNode options, String name, float otherwise) {
    return options.has(name) ? options.get(name).floatValue() : otherwise;
  }

  private static int[] ids(JsonNode ids) {
    return IntStream.range(0, ids.size()).map(i -> ids.get(i).asInt()).toArray();
  }
}
