package dev.parley.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.server.ops.ParleyServer;
import dev.parley.server.ops.ServerConfig;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** The commands that talk to a server, with a real one in this process. */
@Timeout(120)
class ServedCommandsTest {
  @TempDir static Path directory;
  private static Workplace place;
  private static ParleyServer server;

  @BeforeAll
  static void serve() {
    place = new Workplace(directory);
    Map<String, String> flags =
        Map.of(
            "home", place.home().toString(),
            "listen", "127.0.0.1:0",
            "admin", "127.0.0.1:0",
            "device", "cpu",
            "kv-memory", "64m",
            "trainer-memory", "256m",
            "drain-time", "200ms");
    server = ParleyServer.start(ServerConfig.load(flags, Map.of(), Optional.empty()));
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  /** A command that talks to the server. */
  private static CommandLineRun run(String input, String... arguments) {
    List<String> all = new ArrayList<>(List.of(arguments));
    all.add("--server");
    all.add("127.0.0.1:" + server.grpcPort());
    return CommandLineRun.withInput(input, all.toArray(String[]::new));
  }

  private static CommandLineRun chat(String input, String... more) {
    List<String> all =
        new ArrayList<>(
            List.of("chat", "--model", "parley-tiny", "--no-sample", "--max-new-tokens", "5"));
    all.addAll(List.of(more));
    return run(input, all.toArray(String[]::new));
  }

  @Test
  void chat_pipedAsJson_aReplyToEachMessageInOneConversation() {
    List<JsonNode> replies = chat("Grüße 😀\n\n  \nand you?", "--json").done().json();

    assertThat(replies).hasSize(2); // blank lines are no messages
    assertThat(replies).extracting(reply -> reply.get("type").asString()).containsOnly("reply");
    assertThat(replies.get(1).get("turn").asInt())
        .isEqualTo(replies.get(0).get("turn").asInt() + 1);
    assertThat(replies.get(1).get("prompt_tokens").asInt())
        .isGreaterThan(replies.get(0).get("prompt_tokens").asInt());
    assertThat(replies.get(1).get("cached_prompt_tokens").asInt()).isPositive();
    assertThat(replies)
        .allSatisfy(
            reply -> {
              assertThat(reply.get("model").asString()).isEqualTo("parley-tiny@1");
              assertThat(reply.get("generated_tokens").asInt()).isBetween(0, 5);
              assertThat(reply.get("total_seconds").asDouble()).isPositive();
            });
  }

  @Test
  void chat_piped_aLineForEachMessageAndTheSameEachTime() {
    CommandLineRun first = chat("Hello?\nAre you open?\n").done();

    assertThat(first.out()).hasLineCount(2);
    assertThat(first.err()).isEmpty();
    assertThat(chat("Hello?\nAre you open?\n").done().out()).isEqualTo(first.out());
  }

  @Test
  void chat_unknownModelOrWrongParameter_failsWithTheServersReason() {
    assertThat(run("Hello?\n", "chat", "--model", "parley-tny").failed().err())
        .contains("parley-tny")
        .contains("parley-tiny");
    assertThat(chat("Hello?\n", "--temperature", "-1").failed().err()).contains("temperature");
  }

  @Test
  void chat_messageLongerThanTheContext_failsAndNamesTheLimit() {
    CommandLineRun run = chat("Hello?\n" + "word ".repeat(400) + "\n").failed();

    assertThat(run.err()).contains("401").contains("256");
    assertThat(run.out()).hasLineCount(1); // the reply before it
  }

  @Test
  void train_throughTheServer_versionThatItServes() {
    CommandLineRun run =
        run(
            "",
            "train",
            "--name",
            "served",
            "--data",
            place.dialogues().toString(),
            "--max-steps",
            "2",
            "--max-length",
            "32",
            "--json");

    JsonNode last = run.done().lastJson();
    assertThat(last.get("type").asString()).isEqualTo("finished");
    assertThat(last.get("version").asInt()).isEqualTo(1);
    assertThat(run.json().get(0).get("type").asString()).isEqualTo("created");
    assertThat(run.err()).contains("dialogues.jsonl: 10 dialogues, sha256:"); // not read there
    assertThat(run.json().get(0).at("/request/data/0/dataset").asString()).startsWith("sha256:");
    JsonNode reply = run("Hello?\n", "chat", "--model", "served", "--json").done().lastJson();
    assertThat(reply.get("model").asString()).isEqualTo("served@1");
  }

  @Test
  void train_throughTheServerWithoutTheFile_failsWithItsReason() {
    Path missing = directory.resolve("missing.jsonl");

    CommandLineRun run =
        run("", "train", "--name", "served", "--data", missing.toString(), "--json");

    assertThat(run.exitCode()).isEqualTo(1);
    assertThat(run.err())
        .contains("missing.jsonl is not here; the server looks for it on its own machine")
        .contains("is not a file on the server");
  }

  @Test
  void models_rolloutThroughTheServer_changesWhatItsChatsGet() {
    place.train("rolled").done();
    place.train("rolled", "--promote", "never").done();

    assertThat(run("", "models", "canary", "rolled@2", "--share", "0.5").done().out())
        .isEqualToIgnoringNewLines("rolled@2 answers 50% of the new conversations with rolled now");
    assertThat(run("", "models", "canary", "rolled", "--off", "--json").done().out())
        .isEqualToIgnoringNewLines("{\"model\":\"rolled\",\"canary\":null}");
    assertThat(run("", "models", "promote", "rolled@latest").done().out())
        .isEqualToIgnoringNewLines("rolled@default is version 2 now, it was 1");
    assertThat(answering("rolled")).isEqualTo("rolled@2");
    assertThat(run("", "models", "rollback", "rolled", "--json").done().out())
        .isEqualToIgnoringNewLines(
            "{\"model\":\"rolled\",\"alias\":\"default\",\"version\":1,\"previous_version\":2,"
                + "\"ended_canary\":null}");
    assertThat(answering("rolled")).isEqualTo("rolled@1");
    assertThat(run("", "models", "rollback", "rolled").failed().err())
        .contains("'rolled' cannot be rolled back");
  }

  private static String answering(String model) {
    return run("Hello?\n", "chat", "--model", model, "--max-new-tokens", "2", "--json")
        .done()
        .lastJson()
        .get("model")
        .asString();
  }

  @Test
  void loadtest_json_aLineForEachPoint() {
    List<JsonNode> points =
        run(
                "",
                "loadtest",
                "--model",
                "parley-tiny",
                "--streams",
                "1,2",
                "--turns",
                "2",
                "--max-new-tokens",
                "3",
                "--json")
            .done()
            .json();

    assertThat(points).extracting(point -> point.get("at_once").asInt()).containsExactly(1, 2);
    assertThat(points)
        .allSatisfy(
            point -> {
              assertThat(point.get("failed_turns").asInt()).isZero();
              assertThat(point.get("first_token_ms").get("count").asInt()).isPositive();
            });
  }
}
