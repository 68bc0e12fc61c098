package dev.parley.model.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class Utf8Test {
  /** Expected texts are those of Python's {@code bytes.decode("utf-8", "replace")}. */
  @ParameterizedTest
  @CsvSource({
    "41e2, A\ufffd",
    "41e282, A\ufffd",
    "f09f98, \ufffd",
    "f09f9841, \ufffdA",
    "c080, \ufffd\ufffd",
    "c1bf, \ufffd\ufffd",
    "e08080, \ufffd\ufffd\ufffd",
    "eda080, \ufffd\ufffd\ufffd",
    "f08080af, \ufffd\ufffd\ufffd\ufffd",
    "f4908080, \ufffd\ufffd\ufffd\ufffd",
    "f5ff, \ufffd\ufffd",
    "e1a0c020f18091e28041, \ufffd\ufffd \ufffd\ufffdA",
  })
  void decode_malformed_replacesMaximalParts(String hex, String text) {
    byte[] bytes = HexFormat.of().parseHex(hex);
    StringBuilder decoded = new StringBuilder();

    assertThat(Utf8.decode(bytes, bytes.length, true, decoded)).isEqualTo(bytes.length);
    assertThat(decoded.toString()).isEqualTo(text);
  }

  @Test
  void decode_everyCodePoint_isTheJdks() {
    String all =
        IntStream.rangeClosed(0, Character.MAX_CODE_POINT)
            .filter(c -> c < Character.MIN_SURROGATE || c > Character.MAX_SURROGATE)
            .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
            .toString();
    byte[] bytes = all.getBytes(StandardCharsets.UTF_8);
    StringBuilder decoded = new StringBuilder(all.length());

    Utf8.decode(bytes, bytes.length, false, decoded);

    assertThat(decoded.toString().equals(all)).isTrue();
  }

  @Test
  void decode_randomBytesWithoutSurrogates_isTheJdks() {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    for (int round = 0; round < 20_000; round++) {
      byte[] bytes = new byte[random.nextInt(12)];
      for (int i = 0; i < bytes.length; i++) {
        int value = random.nextInt(4) == 0 ? random.nextInt(0x80) : 0x80 + random.nextInt(0x80);
        bytes[i] = (byte) (value == 0xed ? 0xee : value); // the JDK reads surrogates differently
      }
      StringBuilder decoded = new StringBuilder();
      Utf8.decode(bytes, bytes.length, true, decoded);
      assertThat(decoded.toString())
          .as("seed %d, bytes %s", seed, HexFormat.of().formatHex(bytes))
          .isEqualTo(new String(bytes, StandardCharsets.UTF_8));
    }
  }
}
