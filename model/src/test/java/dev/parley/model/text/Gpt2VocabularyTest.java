package dev.parley.model.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class Gpt2VocabularyTest {
  private static final JsonNode DIGESTS = Gpt2Directory.golden("digests.json");

  @TempDir static Path directory;

  @BeforeAll
  static void write() throws Exception {
    Gpt2Vocabulary.write(directory);
  }

  @Test
  void write_vocabulary_isThePublishedOne() throws Exception {
    assertVocabulary(new JsonMapper().readTree(Files.readString(directory.resolve("vocab.json"))));
  }

  @Test
  void write_merges_areThePublishedOnes() throws Exception {
    List<String> lines = Files.readAllLines(directory.resolve("merges.txt"));

    assertThat(lines.get(0)).isEqualTo("#version: 0.2");
    assertMerges(lines.subList(1, lines.size()));
  }

  @Test
  void write_tokenizerJson_holdsTheSame() throws Exception {
    JsonNode json =
        new JsonMapper().readTree(Files.readString(directory.resolve("tokenizer.json")));

    assertVocabulary(json.at("/model/vocab"));
    assertMerges(json.at("/model/merges").valueStream().map(JsonNode::asString).toList());
    assertThat(json.at("/added_tokens/0/id").asInt()).isEqualTo(50256);
    assertThat(json.at("/added_tokens/0/special").asBoolean()).isTrue();
  }

  private static void assertVocabulary(JsonNode vocabulary) throws Exception {
    assertThat(vocabulary.size()).isEqualTo(DIGESTS.at("/vocab/count").asInt());
    String table =
        StreamSupport.stream(vocabulary.properties().spliterator(), false)
            .map(entry -> entry.getKey() + "\t" + entry.getValue().asInt() + "\n")
            .collect(Collectors.joining());
    assertThat(sha256(table)).isEqualTo(DIGESTS.at("/vocab/sha256").asString());
  }

  private static void assertMerges(List<String> merges) throws Exception {
    assertThat(merges).hasSize(DIGESTS.at("/merges/count").asInt());
    assertThat(sha256(String.join("\n", merges) + "\n"))
        .isEqualTo(DIGESTS.at("/merges/sha256").asString());
  }

  private static String sha256(String text) throws Exception {
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    return HexFormat.of().formatHex(digest.digest(text.getBytes(StandardCharsets.UTF_8)));
  }
}
