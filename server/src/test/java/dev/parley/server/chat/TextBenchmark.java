package dev.parley.server.chat;

import dev.parley.model.text.Gpt2Vocabulary;
import dev.parley.model.text.StreamingDecoder;
import dev.parley.model.text.Tokenizer;
import dev.parley.v1.ChatResponse;
import dev.parley.v1.TextDelta;
import java.util.List;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** What happens to a token between sampler and wire, and to a message on its way in. */
@State(Scope.Thread)
public class TextBenchmark {
  private static final String MESSAGE =
      "I went to the sea last weekend, it was windy. What did you have for breakfast, Jürgen?";

  private final Tokenizer tokenizer = Gpt2Vocabulary.tokenizer();
  private int[] tokens = {};
  private int next;
  private StreamingDecoder decoder = new StreamingDecoder(tokenizer);

  /** Tokens of ordinary text. */
  @Setup
  public void setUp() {
    tokens = tokenizer.encode(MESSAGE);
    decoder = new StreamingDecoder(tokenizer);
  }

  /** Frees the tokenizer. */
  @TearDown
  public void close() {
    tokenizer.close();
  }

  private int token() {
    next = (next + 1) % tokens.length;
    return tokens[next];
  }

  /** A token to text. */
  @Benchmark
  public String decodeToken() {
    return decoder.add(token());
  }

  /** A reply of as many tokens as the message has, stop texts looked for: per reply. */
  @Benchmark
  public String replyText() {
    ReplyText reply = new ReplyText(tokenizer, List.of("\n", "User:"));
    for (int token : tokens) {
      String unused = reply.add(token);
    }
    return reply.finish();
  }

  /** A piece of text to the bytes of its message. */
  @Benchmark
  public byte[] textDelta() {
    return ChatResponse.newBuilder()
        .setTextDelta(
            TextDelta.newBuilder().setTurn(3).setRequestId("request-17").setText(" weekend"))
        .build()
        .toByteArray();
  }

  /** A message to tokens. */
  @Benchmark
  public int[] encodeMessage() {
    return tokenizer.encode(MESSAGE);
  }
}
