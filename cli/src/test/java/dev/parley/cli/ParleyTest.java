package dev.parley.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/** What a person sees who uses the command for the first time. */
final class ParleyTest {
  @Test
  void run_withoutArguments_listsCommands() {
    Run run = run();

    assertThat(run.exitCode()).isEqualTo(2);
    assertThat(run.errors()).contains("Usage: parley", "quickstart", "train", "serve", "chat");
  }

  @Test
  void run_portOutOfRange_isWrongUsageAtOnce() {
    Run run = run("chat", "--model", "support", "--server", "localhost:99999");

    assertThat(run.exitCode()).isEqualTo(2);
    assertThat(run.errors()).contains("'localhost:99999' is not HOST:PORT", "1 to 65535");
  }

  @Test
  void run_serverThatIsNotThere_saysHowToStartOne() throws IOException {
    String address = "127.0.0.1:" + freePort();

    Run run = run("chat", "--model", "support", "--server", address);

    assertThat(run.exitCode()).isEqualTo(1);
    assertThat(run.errors())
        .isEqualToIgnoringNewLines(
            "parley: no server answers at "
                + address
                + ": start one with 'parley serve', or name another with --server");
  }

  private record Run(int exitCode, String errors) {}

  private static Run run(String... arguments) {
    PrintStream before = System.err;
    ByteArrayOutputStream errors = new ByteArrayOutputStream();
    System.setErr(new PrintStream(errors, true, StandardCharsets.UTF_8));
    try {
      int exitCode = Parley.run(arguments);
      return new Run(exitCode, errors.toString(StandardCharsets.UTF_8));
    } finally {
      System.setErr(before);
    }
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }
}
