package dev.parley.cli;

import dev.parley.client.Candidate;
import dev.parley.client.Conversation;
import dev.parley.client.ParleyException;
import dev.parley.client.Reply;
import dev.parley.client.ReplyEvent;
import dev.parley.client.ReplyStream;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.UserInterruptException;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;

/**
 * A person, or a script, in a conversation: a line editor in a terminal, one message a line when
 * standard input is piped.
 */
final class ChatSession {
  private final Conversation conversation;
  private final Output out;

  ChatSession(Conversation conversation, Output out) {
    this.conversation = conversation;
    this.out = out;
  }

  /**
   * Talks until the input ends.
   *
   * @param in messages, one a line, where no terminal is
   */
  void run(InputStream in) throws IOException {
    if (!out.isTerminal() || out.json()) {
      piped(in);
    } else {
      terminal();
    }
  }

  private void piped(InputStream in) throws IOException {
    BufferedReader lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      if (!line.isBlank()) {
        Reply reply = conversation.say(line);
        out.text(reply.text());
        candidates(reply).forEach(out::text);
        out.object(json(reply));
      }
    }
  }

  private static Map<String, Object> json(Reply reply) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("type", "reply");
    map.put("turn", reply.turn());
    map.put("text", reply.text());
    map.put("finish_reason", reply.finishReason().name().toLowerCase(Locale.ROOT));
    map.put("prompt_tokens", reply.usage().promptTokens());
    map.put("cached_prompt_tokens", reply.usage().cachedPromptTokens());
    map.put("generated_tokens", reply.usage().generatedTokens());
    map.put("first_token_seconds", reply.timings().firstToken().toNanos() / 1e9);
    map.put("total_seconds", reply.timings().total().toNanos() / 1e9);
    map.put("seed", Long.toUnsignedString(reply.seed()));
    map.put("model", reply.model().reference());
    if (!reply.candidates().isEmpty()) {
      map.put("chosen_candidate", reply.chosenCandidate().orElseThrow());
      map.put("candidates", reply.candidates().stream().map(ChatSession::json).toList());
    }
    return map;
  }

  private static Map<String, Object> json(Candidate candidate) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("text", candidate.text());
    map.put("finish_reason", candidate.finishReason().name().toLowerCase(Locale.ROOT));
    map.put("generated_tokens", candidate.generatedTokens());
    map.put("mean_log_probability", candidate.meanLogProbability());
    candidate.mmiScore().ifPresent(score -> map.put("mmi_score", score));
    map.put("seed", Long.toUnsignedString(candidate.seed()));
    return map;
  }

  /** What a reply was chosen from, where the server was asked for it: a line each. */
  private static List<String> candidates(Reply reply) {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < reply.candidates().size(); i++) {
      Candidate candidate = reply.candidates().get(i);
      String mmi =
          candidate.mmiScore().isPresent()
              ? String.format(Locale.ROOT, " %9.2f", candidate.mmiScore().getAsDouble())
              : "";
      lines.add(
          String.format(
              Locale.ROOT,
              "  %s%7.3f%s  %s",
              i == reply.chosenCandidate().orElse(-1) ? "*" : " ",
              candidate.meanLogProbability(),
              mmi,
              TrainingView.oneLine(candidate.text())));
    }
    return lines;
  }

  private void terminal() throws IOException {
    try (Terminal terminal = TerminalBuilder.builder().system(true).build()) {
      LineReader editor = editor(terminal);
      PrintWriter screen = terminal.writer();
      screen.println("Talk to " + conversation.model().reference() + "; Ctrl-D ends.");
      while (true) {
        String line;
        try {
          line = editor.readLine("you> ");
        } catch (UserInterruptException e) {
          continue; // Ctrl-C clears the line
        } catch (EndOfFileException e) {
          return;
        }
        if (!line.isBlank()) {
          answer(terminal, line);
        }
      }
    }
  }

  /** A line editor that takes a line as it was typed: {@code !!} and a backslash are only text. */
  static LineReader editor(Terminal terminal) {
    return LineReaderBuilder.builder()
        .terminal(terminal)
        .appName("parley")
        .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true)
        .build();
  }

  /** Streams a reply; Ctrl-C interrupts it. */
  private void answer(Terminal terminal, String message) {
    PrintWriter screen = terminal.writer();
    Terminal.SignalHandler before =
        terminal.handle(Terminal.Signal.INT, signal -> conversation.interrupt());
    try (ReplyStream stream = conversation.stream(message)) {
      screen.print(conversation.model().name() + "> ");
      screen.flush();
      boolean silent = true;
      List<String> candidates = List.of();
      for (ReplyEvent event : stream) {
        if (event instanceof ReplyEvent.Text text) {
          silent = false;
          screen.print(text.piece());
          screen.flush();
        } else if (event instanceof ReplyEvent.Completed completed) {
          candidates = candidates(completed.reply());
        }
      }
      screen.println(silent ? "(no reply)" : "");
      candidates.forEach(screen::println);
    } catch (ParleyException e) {
      screen.println();
      screen.println("(" + e.getMessage() + ")");
      if (!conversation.isOpen()) {
        throw e;
      }
    } finally {
      terminal.handle(Terminal.Signal.INT, before);
    }
    screen.flush();
  }
}
