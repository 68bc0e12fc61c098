package dev.parley.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.util.Durations;
import com.google.protobuf.util.Timestamps;
import dev.parley.v1.EvaluationFinished;
import dev.parley.v1.JobFinished;
import dev.parley.v1.JobStarted;
import dev.parley.v1.LabelPolicy;
import dev.parley.v1.PromotionPolicy;
import dev.parley.v1.Sample;
import dev.parley.v1.TrainingParameters;
import dev.parley.v1.TrainingUpdate;
import dev.parley.v1.UploadDatasetRequest;
import java.math.BigInteger;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class MessageMapTest {
  @Test
  void of_finishedJob_hasTheContractsNamesWithItsTypeInFront() {
    Map<String, Object> map =
        MessageMap.of(
            "finished",
            JobFinished.newBuilder()
                .setModel("barista")
                .setVersion(3)
                .setLossBefore(4.5)
                .setLabelPolicy(LabelPolicy.LABEL_POLICY_REPLIES)
                .setDuration(Durations.fromMillis(1500))
                .build());

    assertThat(map.keySet())
        .startsWith("type", "model", "version", "loss_before", "loss_after", "perplexity_before");
    assertThat(map)
        .containsEntry("type", "finished")
        .containsEntry("loss_after", 0.0) // no presence: always there
        .containsEntry("label_policy", "replies")
        .containsEntry("duration_seconds", 1.5)
        .containsEntry("promoted", false);
  }

  @Test
  void of_fieldsWithPresence_onlyWhatIsSet() {
    Map<String, Object> map =
        MessageMap.of(
            TrainingParameters.newBuilder()
                .setSeed(-1) // unsigned: the greatest
                .setPromotion(PromotionPolicy.PROMOTION_POLICY_IF_BETTER)
                .build());

    assertThat(map)
        .containsOnly(
            Map.entry("seed", new BigInteger("18446744073709551615")),
            Map.entry("promotion", "if_better"));
  }

  @Test
  void of_messagesInMessages_nested() {
    EvaluationFinished evaluation =
        EvaluationFinished.newBuilder()
            .setTargetTokens(1L << 40)
            .addSamples(Sample.newBuilder().setPrompt("Wie?").setReply("Grüße 😀"))
            .build();
    Map<String, Object> map =
        MessageMap.of(
            TrainingUpdate.newBuilder()
                .setSequence(7)
                .setTime(Timestamps.fromMillis(0))
                .setEvaluation(evaluation)
                .build());

    assertThat(map).containsEntry("sequence", 7L).containsEntry("time", "1970-01-01T00:00:00Z");
    assertThat(map.get("evaluation"))
        .asInstanceOf(org.assertj.core.api.InstanceOfAssertFactories.MAP)
        .containsEntry("target_tokens", 1L << 40)
        .containsEntry("samples", List.of(Map.of("prompt", "Wie?", "reply", "Grüße 😀")))
        .doesNotContainKey("loss_with_padding");
    assertThat(map).doesNotContainKey("step");
  }

  @Test
  void of_constantOfANewerServer_isItsNumber() {
    assertThat(MessageMap.of(JobFinished.newBuilder().setLabelPolicyValue(99).build()))
        .containsEntry("label_policy", 99);
  }

  @Test
  void of_bytesAndMaps_asTextAndObject() {
    assertThat(
            MessageMap.of(
                UploadDatasetRequest.newBuilder().setChunk(ByteString.copyFromUtf8("ä")).build()))
        .containsEntry("chunk", "ä");
    assertThat(MessageMap.of(com.google.rpc.ErrorInfo.newBuilder().putMetadata("a", "b").build()))
        .containsEntry("metadata", Map.of("a", "b"));
    assertThat(MessageMap.of(JobStarted.getDefaultInstance())).doesNotContainKey("parameters");
  }
}
