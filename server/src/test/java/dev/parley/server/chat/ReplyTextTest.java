package dev.parley.server.chat;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.model.text.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ReplyTextTest {
  private final Tokenizer tokenizer = OneModel.gpt2();

  @ParameterizedTest
  @CsvSource({
    "hello world, world, 'hello ', world",
    "hello world, lo wo, hel, lo wo",
    "hello world, xyz, hello world, ",
    "aaab, aab, a, aab",
    "the end, the end, '', the end",
  })
  void add_characterByCharacter_endsBeforeTheStopText(
      String text, String stop, String kept, String found) {
    StopTexts stops = new StopTexts(List.of(stop));
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      out.append(stops.add(text.substring(i, i + 1)));
      assertThat(out.toString()).doesNotContain(stop);
      assertThat(kept).startsWith(out.toString());
    }
    if (stops.found().isEmpty()) {
      out.append(stops.finish());
    }

    assertThat(out).hasToString(kept);
    assertThat(stops.found().orElse(null)).isEqualTo(found);
  }

  @Test
  void add_anyPieces_sameResultAsCharacterByCharacter() {
    SplittableRandom random = new SplittableRandom(5);
    for (int round = 0; round < 3_000; round++) {
      String text = letters(random, 30);
      List<String> stops = new ArrayList<>();
      for (int i = 0; i <= random.nextInt(4); i++) {
        stops.add(letters(random, 1 + random.nextInt(4)));
      }
      StopTexts single = new StopTexts(stops);
      StopTexts pieces = new StopTexts(stops);
      StringBuilder one = new StringBuilder();
      StringBuilder many = new StringBuilder();
      for (int i = 0; i < text.length(); i++) {
        one.append(single.add(text.substring(i, i + 1)));
      }
      for (int at = 0; at < text.length(); ) {
        int next = Math.min(text.length(), at + 1 + random.nextInt(6));
        many.append(pieces.add(text.substring(at, next)));
        at = next;
      }

      assertThat(many.toString()).as("%s with %s", text, stops).isEqualTo(one.toString());
      assertThat(pieces.found()).isEqualTo(single.found());
      if (single.found().isEmpty()) {
        assertThat(one + single.finish()).isEqualTo(text);
        stops.forEach(stop -> assertThat(text).doesNotContain(stop));
      } else {
        assertThat(text).startsWith(one + single.found().get());
        stops.forEach(stop -> assertThat(one.toString()).doesNotContain(stop));
      }
    }
  }

  private static String letters(SplittableRandom random, int length) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < length; i++) {
      text.append((char) ('a' + random.nextInt(3)));
    }
    return text.toString();
  }

  @Test
  void add_emojiOverSeveralTokens_comesOutWhole() {
    ReplyText reply = new ReplyText(tokenizer, List.of());
    int[] tokens = tokenizer.encode("hi 🦜🌍!");
    assertThat(tokens.length).isGreaterThan(6);
    List<String> pieces = new ArrayList<>();
    for (int token : tokens) {
      pieces.add(reply.add(token));
    }
    pieces.add(reply.finish());

    assertThat(String.join("", pieces)).isEqualTo("hi 🦜🌍!").isEqualTo(reply.text());
    assertThat(pieces)
        .allMatch(
            piece ->
                piece.isEmpty() || !Character.isHighSurrogate(piece.charAt(piece.length() - 1)));
  }

  @Test
  void finish_cutCharacter_isAReplacementCharacter() {
    ReplyText reply = new ReplyText(tokenizer, List.of());
    int[] tokens = tokenizer.encode("🦜");
    assertThat(reply.add(tokens[0])).isEmpty();

    assertThat(reply.finish()).isEqualTo("\ufffd");
    assertThat(reply.text()).isEqualTo("\ufffd");
  }

  @Test
  void textTokens_stopInsideAToken_standForTheTextThatIsKept() {
    int[] tokens = tokenizer.encode("wonderful weather today");
    ReplyText reply = new ReplyText(tokenizer, List.of("eather"));
    for (int token : tokens) {
      if (reply.stopText().isEmpty()) {
        reply.add(token);
      }
    }

    assertThat(reply.text()).isEqualTo("wonderful w");
    assertThat(tokenizer.decode(reply.textTokens())).isEqualTo("wonderful w");
  }

  @Test
  void textTokens_stopBetweenTokens_areTheReplysOwn() {
    int[] tokens = tokenizer.encode("wonderful weather today");
    ReplyText reply = new ReplyText(tokenizer, List.of(" today"));
    for (int token : tokens) {
      reply.add(token);
    }

    assertThat(reply.textTokens()).isEqualTo(Arrays.copyOf(tokens, tokens.length - 1));
  }

  @Test
  void allow_badWordCutAnyWay_isFound() {
    BadWords words = new BadWords(tokenizer, List.of("weather", "🦜"));
    for (int token : tokenizer.encode("what w")) {
      assertThat(words.allow(token)).isTrue();
      words.add(token);
    }
    int[] rest = tokenizer.encode("eather");
    for (int i = 0; i < rest.length - 1; i++) {
      words.add(rest[i]);
    }

    assertThat(words.allow(rest[rest.length - 1])).isFalse();
    assertThat(words.allow(tokenizer.encode("x")[0])).isTrue();
  }
}
