package dev.parley.server.chat;

import dev.parley.model.text.StreamingDecoder;
import dev.parley.model.text.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * The text of a reply while its tokens come: whole characters only, and no part of a stop text. The
 * pieces add up to {@link #text} exactly. For one thread.
 */
final class ReplyText {
  private final Tokenizer tokenizer;
  private final StreamingDecoder decoder;
  private final StopTexts stops;
  private final StringBuilder text = new StringBuilder();
  private int[] tokens = new int[16];
  private int count;

  ReplyText(Tokenizer tokenizer, List<String> stops) {
    this.tokenizer = tokenizer;
    this.decoder = new StreamingDecoder(tokenizer);
    this.stops = new StopTexts(stops);
  }

  /** The piece that one more token completes; often empty. */
  String add(int token) {
    if (count == tokens.length) {
      tokens = Arrays.copyOf(tokens, 2 * count);
    }
    tokens[count++] = token;
    return delivered(stops.add(decoder.add(token)));
  }

  /** The last piece, where no stop text ended the reply. */
  String finish() {
    if (stopText().isPresent()) {
      return "";
    }
    String piece = stops.add(decoder.finish());
    return delivered(stopText().isPresent() ? piece : piece + stops.finish());
  }

  /** The stop text that ended the reply. */
  Optional<String> stopText() {
    return stops.found();
  }

  /** Everything so far. */
  String text() {
    return text.toString();
  }

  /** Tokens that stand for exactly {@link #text}: the reply's own as far as they do. */
  int[] textTokens() {
    int wanted = text().getBytes(StandardCharsets.UTF_8).length;
    int bytes = 0;
    for (int i = 0; i <= count; i++) {
      if (bytes == wanted && tokenizer.decode(Arrays.copyOf(tokens, i)).contentEquals(text)) {
        return Arrays.copyOf(tokens, i);
      }
      bytes += i < count ? tokenizer.bytes(tokens[i]).length : 0;
    }
    return tokenizer.encode(text());
  }

  private String delivered(String piece) {
    text.append(piece);
    return piece;
  }
}
