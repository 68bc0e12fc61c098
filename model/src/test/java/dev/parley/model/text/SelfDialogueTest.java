package dev.parley.model.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Every turn of a published corpus against the ids that Hugging Face's tokenizer gave. */
class SelfDialogueTest {
  private static final JsonNode GOLDEN = Gpt2Directory.golden("self_dialogue_valid.json");

  @TempDir Path temporary;

  @Test
  @EnabledIfEnvironmentVariable(
      named = "PARLEY_SELF_DIALOGUE",
      matches = ".+",
      disabledReason =
          "needs the self-dialogue corpus: PARLEY_SELF_DIALOGUE names its valid.jsonl or"
              + " valid.jsonl.gz")
  void encode_selfDialogue_givesHuggingFacesIds() throws Exception {
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    int turns = 0;
    long tokens = 0;
    long start = System.nanoTime();
    try (Tokenizer tokenizer = Tokenizer.load(Gpt2Directory.withVocabularyAndMerges(temporary));
        BufferedReader rows = open(Path.of(System.getenv("PARLEY_SELF_DIALOGUE")))) {
      JsonMapper json = new JsonMapper();
      for (String row = rows.readLine(); row != null; row = rows.readLine()) {
        for (JsonNode message : json.readTree(row).get("messages")) {
          String text = message.get("content").asString();
          int[] ids = tokenizer.encode(text);
          assertThat(tokenizer.decode(ids)).isEqualTo(text);
          ByteBuffer bytes =
              ByteBuffer.allocate(4 * (ids.length + 1)).order(ByteOrder.LITTLE_ENDIAN);
          bytes.asIntBuffer().put(ids).put(-1);
          digest.update(bytes);
          turns++;
          tokens += ids.length;
        }
      }
    }
    System.out.printf(
        "%d turns, %d tokens in %d ms%n", turns, tokens, (System.nanoTime() - start) / 1_000_000);

    assertThat(turns).isEqualTo(GOLDEN.get("turns").asInt());
    assertThat(tokens).isEqualTo(GOLDEN.get("tokens").asLong());
    assertThat(HexFormat.of().formatHex(digest.digest()))
        .isEqualTo(GOLDEN.get("sha256").asString());
  }

  private static BufferedReader open(Path file) throws IOException {
    InputStream bytes = Files.newInputStream(file);
    if (file.toString().endsWith(".gz")) {
      bytes = new GZIPInputStream(bytes);
    }
    return new BufferedReader(new InputStreamReader(bytes, StandardCharsets.UTF_8));
  }
}
