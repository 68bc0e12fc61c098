package dev.parley.model.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class TokenizerTest {
  private static final JsonNode TEXTS = Gpt2Directory.golden("texts.json");

  @TempDir static Path temporary;
  private static Tokenizer fromTokenizerJson;
  private static Tokenizer fromVocabularyAndMerges;

  @BeforeAll
  static void load() throws IOException {
    fromTokenizerJson = Tokenizer.load(Gpt2Directory.withTokenizerJson(temporary));
    fromVocabularyAndMerges = Tokenizer.load(Gpt2Directory.withVocabularyAndMerges(temporary));
  }

  @AfterAll
  static void close() {
    fromTokenizerJson.close();
    fromVocabularyAndMerges.close();
  }

  /** The two forms in which a directory holds a tokenizer. */
  enum Form {
    TOKENIZER_JSON,
    VOCABULARY_AND_MERGES;

    Tokenizer tokenizer() {
      return this == TOKENIZER_JSON ? fromTokenizerJson : fromVocabularyAndMerges;
    }
  }

  @ParameterizedTest
  @EnumSource
  void encode_goldenTexts_givesHuggingFacesIdsOfPlainText(Form form) {
    Tokenizer tokenizer = form.tokenizer();
    assertThat(TEXTS.size()).isGreaterThan(150);
    for (JsonNode entry : TEXTS) {
      // split_ids, where it differs from ids, reads a typed <|endoftext|> as plain characters
      JsonNode expected = entry.has("split_ids") ? entry.get("split_ids") : entry.get("ids");
      String text = entry.get("text").asString();

      int[] ids = tokenizer.encode(text);

      assertThat(ids).as("ids of %s", entry).isEqualTo(Gpt2Directory.ints(expected));
      assertThat(tokenizer.decode(ids)).as("text of %s", entry).isEqualTo(text);
    }
  }

  @ParameterizedTest
  @EnumSource
  void decode_endOfText_isLeftOut(Form form) {
    Tokenizer tokenizer = form.tokenizer();
    for (JsonNode entry : TEXTS) {
      String text = entry.get("text").asString().replace("<|endoftext|>", "");
      assertThat(tokenizer.decode(Gpt2Directory.ints(entry.get("ids"))))
          .as("text of %s", entry)
          .isEqualTo(text);
    }
    assertThat(tokenizer.bytes(50256)).isEmpty();
  }

  @ParameterizedTest
  @EnumSource
  void properties_gpt2_areKnown(Form form) {
    Tokenizer tokenizer = form.tokenizer();
    assertThat(tokenizer.vocabularySize()).isEqualTo(50257);
    assertThat(tokenizer.endOfText()).isEqualTo(50256);
    assertThat(tokenizer.bytes(220)).isEqualTo(new byte[] {' '});
    assertThat(tokenizer.bytes(15496)).isEqualTo("Hello".getBytes(StandardCharsets.UTF_8));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "All work and no play makes Jack a dull boy. ",
        "a",
        " ",
        "\n\t",
        "!?",
        "你好",
        "\uD83D\uDC69\u200D\uD83D\uDC66"
      })
  void encode_oneMegabyte_isCompleteAndComesBack(String unit) {
    String text = unit.repeat((1 << 20) / unit.getBytes(StandardCharsets.UTF_8).length);

    int[] ids = fromTokenizerJson.encode(text);

    assertThat(IntStream.of(ids).map(id -> fromTokenizerJson.bytes(id).length).sum())
        .isEqualTo(text.getBytes(StandardCharsets.UTF_8).length);
    assertThat(fromTokenizerJson.decode(ids)).isEqualTo(text);
  }

  @Test
  void encode_unpairedSurrogates_becomeReplacementCharacters() {
    String broken = "a\ud83d b\ude00 \ud83d\ude00\ud83d";
    String repaired = "a\ufffd b\ufffd \ud83d\ude00\ufffd";

    assertThat(fromTokenizerJson.encode(broken)).isEqualTo(fromTokenizerJson.encode(repaired));
    assertThat(fromTokenizerJson.decode(fromTokenizerJson.encode(broken))).isEqualTo(repaired);
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, 50257, Integer.MAX_VALUE})
  void decode_unknownId_namesIdAndLimit(int id) {
    assertThatThrownBy(() -> fromTokenizerJson.decode(id))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(Integer.toString(id))
        .hasMessageContaining("50257");
  }

  @Test
  void encode_manyThreads_givesEachItsOwnIds() throws Exception {
    List<String> texts = TEXTS.valueStream().map(entry -> entry.get("text").asString()).toList();
    List<int[]> expected = texts.stream().map(fromTokenizerJson::encode).toList();
    ExecutorService threads = Executors.newFixedThreadPool(8);
    try {
      Callable<List<int[]>> work = () -> texts.stream().map(fromTokenizerJson::encode).toList();
      for (Future<List<int[]>> ids : threads.invokeAll(Collections.nCopies(32, work))) {
        assertThat(ids.get()).usingRecursiveComparison().isEqualTo(expected);
      }
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void encode_closed_failsClearly(@TempDir Path directory) throws IOException {
    Tokenizer tokenizer = Tokenizer.load(Gpt2Directory.withTokenizerJson(directory));
    tokenizer.close();
    tokenizer.close();

    assertThatThrownBy(() -> tokenizer.encode("x"))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("closed");
    assertThat(tokenizer.decode(15496)).isEqualTo("Hello");
  }
}
