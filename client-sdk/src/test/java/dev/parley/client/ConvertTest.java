package dev.parley.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.parley.v1.TrainingUpdate;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class ConvertTest {
  @Test
  void enums_toTheContract_everyConstantHasItsOwn() {
    assertThat(Stream.of(BargeIn.values()).map(Convert::proto)).doesNotHaveDuplicates();
    assertThat(Stream.of(Rating.values()).map(Convert::proto)).doesNotHaveDuplicates();
    for (LearningRateSchedule schedule : LearningRateSchedule.values()) {
      assertThat(Convert.learningRateSchedule(Convert.proto(schedule))).isEqualTo(schedule);
    }
    for (PromotionPolicy policy : PromotionPolicy.values()) {
      assertThat(Convert.promotionPolicy(Convert.proto(policy))).isEqualTo(policy);
    }
    for (LabelPolicy policy : LabelPolicy.values()) {
      if (policy == LabelPolicy.UNKNOWN) {
        assertThatThrownBy(() -> Convert.proto(policy)).hasMessageContaining("ALL, REPLIES");
      } else {
        assertThat(Convert.labelPolicy(Convert.proto(policy))).isEqualTo(policy);
      }
    }
  }

  @Test
  void enums_fromTheContract_namesAreTheSameWithoutPrefix() {
    sameNames(dev.parley.v1.FinishReason.values(), "FINISH_REASON_", Convert::finishReason);
    sameNames(dev.parley.v1.LabelPolicy.values(), "LABEL_POLICY_", Convert::labelPolicy);
    sameNames(
        dev.parley.v1.DeploymentState.values(), "DEPLOYMENT_STATE_", Convert::deploymentState);
    sameNames(
        dev.parley.v1.TrainingJobState.values(),
        "TRAINING_JOB_STATE_",
        state ->
            ConvertTraining.job(dev.parley.v1.TrainingJob.newBuilder().setState(state).build())
                .state());
  }

  private static <P extends Enum<P>, E extends Enum<E>> void sameNames(
      P[] contract, String prefix, Function<P, E> convert) {
    for (P value : contract) {
      if (value.name().equals("UNRECOGNIZED")) {
        continue;
      }
      String name = value.name().substring(prefix.length());
      assertThat(convert.apply(value).name())
          .isEqualTo(name.equals("UNSPECIFIED") ? "UNKNOWN" : name);
    }
  }

  @Test
  void durations_thereAndBack_areTheSame() {
    for (Duration duration :
        Arrays.asList(Duration.ZERO, Duration.ofNanos(1), Duration.ofMillis(-1500))) {
      assertThat(Convert.duration(Convert.proto(duration))).isEqualTo(duration);
    }
  }

  @Test
  void event_updateOfNewerServer_isPassedOver() {
    assertThat(ConvertTraining.event(TrainingUpdate.newBuilder().setSequence(9).build())).isEmpty();
  }

  @Test
  void generationOptions_setAndNotSet_readBack() {
    GenerationOptions options =
        GenerationOptions.builder()
            .greedy()
            .maxNewTokens(24)
            .topP(0.9)
            .stop("a", "b")
            .logitBias(Map.of(50256, -1f))
            .build();
    assertThat(options.doSample()).contains(false);
    assertThat(options.maxNewTokens()).hasValue(24);
    assertThat(options.topP().orElseThrow()).isEqualTo(0.9f);
    assertThat(options.stop()).containsExactly("a", "b");
    assertThat(options.logitBias()).containsOnly(Map.entry(50256, -1f));
    assertThat(options.temperature()).isEmpty();
    assertThat(options.seed()).isEmpty();
    assertThat(options.toBuilder().seed(3).build().seed()).hasValue(3);
    assertThat(options.seed()).isEmpty();
    assertThat(options).isEqualTo(options.toBuilder().build()).hasToString(options.toString());
    assertThat(options.toString()).contains("max_new_tokens: 24").doesNotContain("\n");
  }
}
