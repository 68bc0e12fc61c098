package dev.parley.model.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DialogueEncoderTest {
  @TempDir Path temporary;

  @Test
  void turns_texts_areJoinedByEndOfText() throws IOException {
    try (Tokenizer tokenizer = Tokenizer.load(Gpt2Directory.withTokenizerJson(temporary))) {
      DialogueEncoder encoder = new DialogueEncoder(tokenizer);

      assertThat(encoder.turn("")).containsExactly(50256);
      assertThat(encoder.turn("hello world")).containsExactly(31373, 995, 50256);
      assertThat(encoder.turns(List.of())).isEmpty();
      assertThat(encoder.turns(List.of("Does money buy happiness ?", "", "Hello<|endoftext|>")))
          .containsExactly(
              13921, 1637, 2822, 12157, 5633, 50256, //
              50256, //
              15496, 27, 91, 437, 1659, 5239, 91, 29, 50256);
    }
  }
}
