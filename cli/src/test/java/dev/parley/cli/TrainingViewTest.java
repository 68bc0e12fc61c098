package dev.parley.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.util.Durations;
import com.google.rpc.Status;
import dev.parley.v1.EvaluationFinished;
import dev.parley.v1.JobCancelled;
import dev.parley.v1.JobCreated;
import dev.parley.v1.JobFailed;
import dev.parley.v1.JobFinished;
import dev.parley.v1.LabelPolicy;
import dev.parley.v1.Sample;
import dev.parley.v1.StepFinished;
import dev.parley.v1.TrainingUpdate;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class TrainingViewTest {
  private static final List<TrainingUpdate> UPDATES =
      List.of(
          TrainingUpdate.newBuilder().setCreated(JobCreated.newBuilder().setJobId("j1")).build(),
          TrainingUpdate.newBuilder()
              .setEvaluation(
                  EvaluationFinished.newBuilder()
                      .setLoss(10.5)
                      .setPerplexity(36315.5)
                      .setTargetTokens(1234)
                      .setLabelPolicy(LabelPolicy.LABEL_POLICY_LAST)
                      .addSamples(Sample.newBuilder().setPrompt("Hello?").setReply("a\n b")))
              .build(),
          TrainingUpdate.newBuilder()
              .setStep(
                  StepFinished.newBuilder()
                      .setStep(1)
                      .setTotalSteps(2)
                      .setLoss(3.25)
                      .setTokensPerSecond(1500)
                      .setTimeLeft(Durations.fromSeconds(61)))
              .build(),
          TrainingUpdate.newBuilder()
              .setFinished(
                  JobFinished.newBuilder()
                      .setModel("barista")
                      .setVersion(2)
                      .setLossBefore(10.5)
                      .setLossAfter(3)
                      .setPerplexityBefore(36315.5)
                      .setPerplexityAfter(20.0855)
                      .setPromoted(true)
                      .setPromotionReason("the first version of its model"))
              .build());

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  private void show(boolean json, boolean samples, List<TrainingUpdate> updates) {
    StandardStreams streams =
        new StandardStreams(
            InputStream.nullInputStream(),
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            false);
    try (TrainingView view = new TrainingView(new Output(streams, json), samples)) {
      updates.forEach(view::show);
    }
  }

  @Test
  void show_json_everyUpdateIsALineAndTheLastIsFinished() {
    show(true, true, UPDATES);

    List<JsonNode> lines =
        out.toString(StandardCharsets.UTF_8).lines().map(JsonMapper.shared()::readTree).toList();
    assertThat(lines)
        .extracting(line -> line.get("type").asString())
        .containsExactly("created", "evaluation", "step", "finished");
    assertThat(lines.get(3).get("model").asString()).isEqualTo("barista");
    assertThat(lines.get(3).get("version").asInt()).isEqualTo(2);
    assertThat(lines.get(3).get("loss_before").asDouble()).isEqualTo(10.5);
    assertThat(lines.get(3).get("loss_after").asDouble()).isEqualTo(3);
  }

  @Test
  void show_text_progressOnErrorAndTheResultOnOutput() {
    show(false, true, UPDATES);

    assertThat(err.toString(StandardCharsets.UTF_8))
        .contains("job j1")
        .contains("before: loss 10.500, perplexity 36,316 (per token of the last turn, 1,234")
        .contains("Hello?")
        .contains("→ a b")
        .contains("50% ")
        .contains("step 1/2  loss 3.250  1,500 tokens/s  1m01s left");
    assertThat(out.toString(StandardCharsets.UTF_8))
        .startsWith("barista@2 registered")
        .contains("now the default")
        .contains("loss 10.500 → 3.000, perplexity 36,316 → 20.09");
  }

  @Test
  void show_withoutSamples_noReplies() {
    show(false, false, UPDATES);
    assertThat(err.toString(StandardCharsets.UTF_8)).doesNotContain("Hello?");
  }

  @Test
  void show_endsWithoutAVersion_lastLineSaysHow() {
    show(
        true,
        true,
        List.of(
            TrainingUpdate.newBuilder()
                .setFailed(JobFailed.newBuilder().setStatus(Status.newBuilder().setMessage("full")))
                .build(),
            TrainingUpdate.newBuilder().setCancelled(JobCancelled.newBuilder().setStep(5)).build(),
            TrainingUpdate.getDefaultInstance())); // of a newer server: nothing to show

    assertThat(out.toString(StandardCharsets.UTF_8).lines())
        .satisfiesExactly(
            line -> assertThat(line).startsWith("{\"type\":\"failed\"").contains("full"),
            line -> assertThat(line).isEqualTo("{\"type\":\"cancelled\",\"step\":5}"));
  }

  @Test
  void oneLine_longReply_isShortenedBetweenCharacters() {
    String faces = "😀".repeat(150);

    assertThat(TrainingView.oneLine(faces)).isEqualTo("😀".repeat(100) + "…");
    assertThat(TrainingView.oneLine("😀".repeat(100))).isEqualTo("😀".repeat(100));
    assertThat(TrainingView.oneLine(" \n ")).isEqualTo("(no reply)");
  }

  @ParameterizedTest
  @EnumSource(LabelPolicy.class)
  void policy_everyConstant_hasWordsOfItsOwn(LabelPolicy policy) {
    boolean known =
        policy != LabelPolicy.UNRECOGNIZED && policy != LabelPolicy.LABEL_POLICY_UNSPECIFIED;
    assertThat(TrainingView.policy(policy))
        .startsWith(known ? "per token of" : "label policy unknown");
  }
}
