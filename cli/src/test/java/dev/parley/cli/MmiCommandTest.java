package dev.parley.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.server.ops.ParleyServer;
import dev.parley.server.ops.ServerConfig;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** A forward and a backward model, trained, served, and asked for the best of eight replies. */
@Timeout(240)
class MmiCommandTest {
  @TempDir static Path directory;
  private static Workplace place;
  private static ParleyServer server;

  @BeforeAll
  static void trainAndServe() {
    place = new Workplace(directory);
    train("barista").done();
    JsonNode backward = train("barista-backward", "--direction", "backward").done().lastJson();
    assertThat(backward.get("loss_after").asDouble())
        .isLessThan(backward.get("loss_before").asDouble());
    Map<String, String> flags =
        Map.of(
            "home", place.home().toString(),
            "listen", "127.0.0.1:0",
            "admin", "127.0.0.1:0",
            "device", "cpu",
            "precision", "fp32",
            "kv-memory", "64m",
            "drain-time", "200ms");
    server = ParleyServer.start(ServerConfig.load(flags, Map.of(), Optional.empty()));
  }

  private static CommandLineRun train(String model, String... more) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "train",
                "--name",
                model,
                "--data",
                place.dialogues().toString(),
                "--preset",
                "scratch",
                "--max-steps",
                "12",
                "--max-length",
                "48",
                "--json"));
    all.addAll(List.of(more));
    return place.run(all.toArray(String[]::new));
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  private static CommandLineRun chat(String model, String mmi, String... more) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "chat",
                "--server",
                "127.0.0.1:" + server.grpcPort(),
                "--model",
                model,
                "--mmi",
                mmi,
                "--sample",
                "--seed",
                "7",
                "--max-new-tokens",
                "8"));
    all.addAll(List.of(more));
    return CommandLineRun.withInput("A coffee, please.\nAnd a tea.\n", all.toArray(String[]::new));
  }

  @Test
  void chat_bestOfEightByABackwardModel_theRankingIsThatOfTheScores() {
    List<JsonNode> replies =
        chat("barista", "barista-backward", "--best-of", "8", "--candidates", "--json")
            .done()
            .json();

    assertThat(replies).hasSize(2);
    for (JsonNode reply : replies) {
      List<JsonNode> candidates = new ArrayList<>();
      reply.get("candidates").forEach(candidates::add);
      assertThat(candidates).hasSize(8);
      JsonNode best =
          candidates.stream()
              .max(Comparator.comparingDouble(c -> c.get("mmi_score").asDouble()))
              .orElseThrow();
      assertThat(candidates.get(reply.get("chosen_candidate").asInt())).isEqualTo(best);
      assertThat(reply.get("text").asString()).isEqualTo(best.get("text").asString());
      Set<Double> scores = new HashSet<>();
      candidates.forEach(candidate -> scores.add(candidate.get("mmi_score").asDouble()));
      assertThat(scores).as("the judge tells candidates apart").hasSizeGreaterThan(4);
      assertThat(scores).allMatch(score -> score < 0);
      assertThat(reply.get("generated_tokens").asInt())
          .isEqualTo(candidates.stream().mapToInt(c -> c.get("generated_tokens").asInt()).sum());
    }
    assertThat(chat("barista", "barista-backward", "--best-of", "8", "--candidates").done().out())
        .contains("  *")
        .contains(replies.get(0).get("text").asString());
  }

  @Test
  void chat_withABackwardModel_isRefusedAndSaysWhereItBelongs() {
    assertThat(chat("barista-backward", "barista-backward").failed().err())
        .contains("barista-backward@1 is a backward model")
        .contains("mmi_model");
  }

  @Test
  void chat_forwardModelAsAJudge_isRefused() {
    assertThat(chat("barista", "barista").failed().err())
        .contains("barista@1 is a forward model and cannot rank candidates");
  }

  @Test
  void train_backwardUnderAForwardModelsName_isRefusedBeforeAnyStep() {
    CommandLineRun run = place.train("barista", "--direction", "backward").failed();

    assertThat(run.err()).contains("barista").contains("FORWARD").contains("a name of its own");
    assertThat(place.home().resolve("registry/barista/2")).doesNotExist();
  }

  @Test
  void eval_backwardModel_measuresItInItsOwnDirectionAndDoesNotGenerate() {
    String data = place.dialogues().toString();

    JsonNode measured =
        place
            .run("eval", "--model", "barista-backward", "--data", data, "--json")
            .done()
            .lastJson();

    assertThat(measured.get("direction").asString()).isEqualTo("backward");
    assertThat(
            place
                .run("eval", "--model", "barista-backward", "--data", data, "--generate")
                .failed()
                .err())
        .contains("backward model");
  }
}
