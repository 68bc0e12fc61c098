package dev.parley.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import org.jline.reader.LineReader;
import org.jline.terminal.Terminal;
import org.jline.terminal.impl.DumbTerminal;
import org.junit.jupiter.api.Test;

final class ChatSessionTest {
  @Test
  void editor_exclamationMarksAndBackslashes_areKeptAsTyped() throws Exception {
    String typed = "What!\nReally!! C:\\new !1 \"open\n";
    try (Terminal terminal =
        new DumbTerminal(
            new ByteArrayInputStream(typed.getBytes(StandardCharsets.UTF_8)),
            new ByteArrayOutputStream())) {
      LineReader editor = ChatSession.editor(terminal);

      assertThat(editor.readLine("you> ")).isEqualTo("What!");
      assertThat(editor.readLine("you> ")).isEqualTo("Really!! C:\\new !1 \"open");
    }
  }
}
