package dev.parley.model.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StreamingDecoderTest {
  @TempDir static Path temporary;
  private static Tokenizer tokenizer;
  private static int[] singleBytes; // the id of each byte

  @BeforeAll
  static void load() throws IOException {
    tokenizer = Tokenizer.load(Gpt2Directory.withTokenizerJson(temporary));
    singleBytes = new int[256];
    for (int id = 0; id < 256; id++) {
      singleBytes[tokenizer.bytes(id)[0] & 0xff] = id;
    }
  }

  @AfterAll
  static void close() {
    tokenizer.close();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "plain words",
        "caf\u00e9 na\u00efve",
        "\u4f60\u597d\uff0c\u4e16\u754c",
        "\ud83d\ude00\ud83d\ude02",
        "\ud83d\udc69\u200d\ud83d\udc69\u200d\ud83d\udc67\u200d\ud83d\udc66 family",
        "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35",
        "\ufffd \udbff\udfff"
      })
  void add_wholeCharacters_neverGivesAHalfOrAReplacement(String text) {
    // once as the tokenizer splits, once byte by byte
    for (int[] ids : new int[][] {tokenizer.encode(text), byteTokens(text)}) {
      StreamingDecoder decoder = new StreamingDecoder(tokenizer);
      StringBuilder pieces = new StringBuilder();
      for (int id : ids) {
        pieces.append(decoder.add(id));
        assertThat(text).startsWith(pieces.toString());
        assertThat(pieces.toString()).matches("(?s)(.*[^\\x{D800}-\\x{DBFF}])?");
      }
      assertThat(decoder.finish()).isEmpty();
      assertThat(pieces.toString()).isEqualTo(text);
    }
  }

  @Test
  void add_randomTokens_piecesAreTheDecodedWhole() {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    for (int round = 0; round < 3000; round++) {
      // half of the rounds: single bytes, mostly of many-byte characters, so that much is malformed
      int[] ids =
          random.nextBoolean()
              ? random.ints(random.nextInt(40), 0, tokenizer.vocabularySize()).toArray()
              : random.ints(random.nextInt(40), 0x60, 0x100).map(b -> singleBytes[b]).toArray();
      StreamingDecoder decoder = new StreamingDecoder(tokenizer);
      StringBuilder pieces = new StringBuilder();
      IntStream.of(ids).forEach(id -> pieces.append(decoder.add(id)));
      pieces.append(decoder.finish());
      assertThat(pieces.toString()).as("seed %d", seed).isEqualTo(tokenizer.decode(ids));
    }
  }

  @Test
  void add_brokenOffCharacter_isReplacedWhenCertain() {
    StreamingDecoder decoder = new StreamingDecoder(tokenizer);

    assertThat(decoder.add(singleBytes[0xf0])).isEmpty();
    assertThat(decoder.add(singleBytes[0x9f])).isEmpty();
    assertThat(decoder.add(singleBytes['x'])).isEqualTo("\ufffdx");
    assertThat(decoder.add(singleBytes[0x80])).isEqualTo("\ufffd");
    assertThat(decoder.add(singleBytes[0xe4])).isEmpty();
    assertThat(decoder.add(tokenizer.endOfText())).isEmpty();
    assertThat(decoder.finish()).isEqualTo("\ufffd");
    assertThat(decoder.finish()).isEmpty();
    assertThat(decoder.add(singleBytes['y'])).isEqualTo("y");
  }

  private static int[] byteTokens(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return IntStream.range(0, bytes.length).map(i -> singleBytes[bytes[i] & 0xff]).toArray();
  }
}
