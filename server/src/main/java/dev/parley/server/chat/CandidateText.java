package dev.parley.server.chat;

import dev.parley.model.text.Tokenizer;
import dev.parley.server.engine.TurnSink;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The text of a reply in the making, whether it is delivered or not: what may not occur in it, and
 * what ends it. For one thread.
 */
final class CandidateText implements TurnSink.Draft {
  private final ReplyText text;
  private final BadWords badWords;
  private String piece = "";

  CandidateText(Tokenizer tokenizer, List<String> stops, List<String> badWords) {
    this.text = new ReplyText(tokenizer, stops);
    this.badWords = new BadWords(tokenizer, badWords);
  }

  @Override
  public boolean allows(int token) {
    return badWords.allow(token);
  }

  @Override
  public TurnSink.@Nullable Stop token(int token) {
    badWords.add(token);
    piece = text.add(token);
    return text.stopText().map(stop -> new TurnSink.Stop(stop, text.textTokens())).orElse(null);
  }

  /** The piece that the last token completed; often empty. */
  String piece() {
    return piece;
  }

  /** The last piece, where no stop text ended the reply. */
  String finish() {
    return text.finish();
  }

  /** Everything so far. */
  String text() {
    return text.text();
  }
}
