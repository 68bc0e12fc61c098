package dev.parley.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** How every command answers to what it does not understand, and to what it cannot do. */
class ParleyTest {
  @TempDir Path directory;

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          tarin                                         | train
          models lsit                                   | parley models --help
          train --name x --data y --lerning-rate 1      | --learning-rate
          train --dat x                                 | --data
          train --name x --data y --seed                | --seed
          train --name x --data y --epochs many         | --epochs
          train --name x --data y --schedule square     | linear, cosine, constant, noam
          train --name X! --data y                      | model_name
          train --name x --data y --batch-size 0        | from 1 to 4096
          eval --data y                                 | --model
          eval --model x --data y --train-on everything | all, replies, assistant, last
          eval --model x --data y --max-length 1        | at least 8
          chat                                          | --model
          chat --model x --server no:such:address       | no:such:address
          models show                                   | MODEL
          models delete parley-tiny                     | parley-tiny@N
          models rollback No/Name                       | No/Name
          bench decode --shape huge                     | tiny, small, medium or large
          bench decode --precision fp8                  | reference, fp32, bf16, fp16, int12, int8 or int4
          bench train --precision fp16                  | fp32 or bf16
          bench train --device tpu                      | auto, cpu or cuda:N
          bench train --context 1025                    | from 4 to 1024
          loadtest --model x --streams 0                | at least 1
          loadtest --model x --turns 0                  | at least 1
          serve --hoem x                                | --home
          serve --precision fp8 --home target/no        | precision
          """)
  void run_wrongUsage_exitsWith2AndNamesTheRemedy(String line, String remedy) {
    CommandLineRun run = CommandLineRun.of(line.split(" +")).misused();

    assertThat(run.err()).contains(remedy);
    assertThat(run.out()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "train",
        "eval",
        "chat",
        "models",
        "models list",
        "models show",
        "models import",
        "models export",
        "models promote",
        "models rollback",
        "models delete",
        "bench decode",
        "bench prefill",
        "bench train",
        "loadtest",
        "serve",
        "quickstart"
      })
  void help_everyCommand_isAResult(String command) {
    CommandLineRun run = CommandLineRun.of((command + " --help").strip().split(" ")).done();

    assertThat(run.out()).contains("Usage: parley" + (command.isEmpty() ? "" : " " + command));
    assertThat(run.err()).isEmpty();
  }

  @Test
  void run_nothingAsked_showsTheCommandsAsAnError() {
    CommandLineRun run = CommandLineRun.of();

    assertThat(run.exitCode()).isEqualTo(2);
    assertThat(run.err()).contains("Usage: parley", "quickstart", "serve");
    assertThat(run.out()).isEmpty();
  }

  @Test
  void home_isAFile_failsAndLeavesItAlone() throws Exception {
    Path home = Files.writeString(directory.resolve("home"), "mine");

    CommandLineRun run = CommandLineRun.of("models", "list", "--home", home.toString()).failed();

    assertThat(run.err()).contains(home.toString()).contains("choose another home");
    assertThat(run.out()).isEmpty();
    assertThat(home).hasContent("mine");
  }

  @Test
  void serve_portInUse_failsAndNamesIt() throws Exception {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      String address = "127.0.0.1:" + taken.getLocalPort();

      CommandLineRun run =
          CommandLineRun.of(
                  "serve",
                  "--listen",
                  address,
                  "--admin",
                  "127.0.0.1:0",
                  "--home",
                  directory.resolve("home").toString())
              .failed();

      assertThat(run.err()).contains(String.valueOf(taken.getLocalPort()));
    }
  }

  @Test
  void chat_nobodyServes_failsAndSaysSo() throws Exception {
    int port;
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }

    CommandLineRun run =
        CommandLineRun.of("chat", "--server", "127.0.0.1:" + port, "--model", "x").failed();

    assertThat(run.err()).contains("127.0.0.1:" + port).contains("parley serve");
  }

  @Test
  void loadtest_messagesMissing_namesTheFile() {
    CommandLineRun run =
        CommandLineRun.of("loadtest", "--model", "x", "--messages", "no-such-file").failed();

    assertThat(run.err()).contains("no-such-file: there is no such file");
  }
}
