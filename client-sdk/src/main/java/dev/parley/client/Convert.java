package dev.parley.client;

import com.google.protobuf.Timestamp;
import dev.parley.v1.GenerationParameters;
import dev.parley.v1.TurnComplete;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * Between the contract's messages and this package's types. Enum constants have the same names but
 * for the contract's prefix; one that a newer server invents becomes UNKNOWN.
 */
final class Convert {
  private Convert() {}

  static Duration duration(com.google.protobuf.Duration duration) {
    return Duration.ofSeconds(duration.getSeconds(), duration.getNanos());
  }

  static com.google.protobuf.Duration proto(Duration duration) {
    return com.google.protobuf.Duration.newBuilder()
        .setSeconds(duration.getSeconds())
        .setNanos(duration.getNano())
        .build();
  }

  static Instant instant(Timestamp time) {
    return Instant.ofEpochSecond(time.getSeconds(), time.getNanos());
  }

  static dev.parley.v1.HistoryTurn proto(HistoryTurn turn) {
    return dev.parley.v1.HistoryTurn.newBuilder()
        .setRole(dev.parley.v1.Role.valueOf("ROLE_" + turn.role().name()))
        .setText(turn.text())
        .build();
  }

  static dev.parley.v1.BargeInPolicy proto(BargeIn bargeIn) {
    return dev.parley.v1.BargeInPolicy.valueOf("BARGE_IN_POLICY_" + bargeIn.name());
  }

  static dev.parley.v1.Rating proto(Rating rating) {
    return dev.parley.v1.Rating.valueOf("RATING_" + rating.name());
  }

  static dev.parley.v1.LearningRateSchedule proto(LearningRateSchedule schedule) {
    return dev.parley.v1.LearningRateSchedule.valueOf("LEARNING_RATE_SCHEDULE_" + schedule.name());
  }

  static LearningRateSchedule learningRateSchedule(dev.parley.v1.LearningRateSchedule schedule) {
    return switch (schedule) {
      case LEARNING_RATE_SCHEDULE_COSINE -> LearningRateSchedule.COSINE;
      case LEARNING_RATE_SCHEDULE_CONSTANT -> LearningRateSchedule.CONSTANT;
      case LEARNING_RATE_SCHEDULE_NOAM -> LearningRateSchedule.NOAM;
      case LEARNING_RATE_SCHEDULE_LINEAR, LEARNING_RATE_SCHEDULE_UNSPECIFIED, UNRECOGNIZED ->
          LearningRateSchedule.LINEAR;
    };
  }

  static dev.parley.v1.LabelPolicy proto(LabelPolicy policy) {
    if (policy == LabelPolicy.UNKNOWN) {
      throw new IllegalArgumentException(
          "LabelPolicy.UNKNOWN is not for requests; use ALL, REPLIES, ASSISTANT, LAST or PADDED");
    }
    return dev.parley.v1.LabelPolicy.valueOf("LABEL_POLICY_" + policy.name());
  }

  static LabelPolicy labelPolicy(dev.parley.v1.LabelPolicy policy) {
    return switch (policy) {
      case LABEL_POLICY_ALL -> LabelPolicy.ALL;
      case LABEL_POLICY_REPLIES -> LabelPolicy.REPLIES;
      case LABEL_POLICY_ASSISTANT -> LabelPolicy.ASSISTANT;
      case LABEL_POLICY_LAST -> LabelPolicy.LAST;
      case LABEL_POLICY_PADDED -> LabelPolicy.PADDED;
      case LABEL_POLICY_UNSPECIFIED, UNRECOGNIZED -> LabelPolicy.UNKNOWN;
    };
  }

  static dev.parley.v1.PromotionPolicy proto(PromotionPolicy policy) {
    return dev.parley.v1.PromotionPolicy.valueOf("PROMOTION_POLICY_" + policy.name());
  }

  static PromotionPolicy promotionPolicy(dev.parley.v1.PromotionPolicy policy) {
    return switch (policy) {
      case PROMOTION_POLICY_IF_BETTER -> PromotionPolicy.IF_BETTER;
      case PROMOTION_POLICY_ALWAYS -> PromotionPolicy.ALWAYS;
      case PROMOTION_POLICY_NEVER, PROMOTION_POLICY_UNSPECIFIED, UNRECOGNIZED ->
          PromotionPolicy.NEVER;
    };
  }

  static FinishReason finishReason(dev.parley.v1.FinishReason reason) {
    return switch (reason) {
      case FINISH_REASON_END_OF_TURN -> FinishReason.END_OF_TURN;
      case FINISH_REASON_STOP_TEXT -> FinishReason.STOP_TEXT;
      case FINISH_REASON_MAX_TOKENS -> FinishReason.MAX_TOKENS;
      case FINISH_REASON_CONTEXT_FULL -> FinishReason.CONTEXT_FULL;
      case FINISH_REASON_INTERRUPTED -> FinishReason.INTERRUPTED;
      case FINISH_REASON_DEADLINE -> FinishReason.DEADLINE;
      case FINISH_REASON_UNSPECIFIED, UNRECOGNIZED -> FinishReason.UNKNOWN;
    };
  }

  static DeploymentState deploymentState(dev.parley.v1.DeploymentState state) {
    return switch (state) {
      case DEPLOYMENT_STATE_NOT_LOADED -> DeploymentState.NOT_LOADED;
      case DEPLOYMENT_STATE_LOADING -> DeploymentState.LOADING;
      case DEPLOYMENT_STATE_SERVING -> DeploymentState.SERVING;
      case DEPLOYMENT_STATE_DRAINING -> DeploymentState.DRAINING;
      case DEPLOYMENT_STATE_FAILED -> DeploymentState.FAILED;
      case DEPLOYMENT_STATE_UNSPECIFIED, UNRECOGNIZED -> DeploymentState.UNKNOWN;
    };
  }

  static ServedModel servedModel(dev.parley.v1.ServedModel model) {
    return new ServedModel(
        model.getName(),
        model.getVersion(),
        model.getWeightsSha256(),
        model.getPrecision(),
        model.getDevice());
  }

  static GenerationOptions generation(GenerationParameters parameters) {
    return new GenerationOptions(parameters);
  }

  static Reply reply(TurnComplete turn) {
    dev.parley.v1.Usage usage = turn.getUsage();
    dev.parley.v1.Timings timings = turn.getTimings();
    return new Reply(
        turn.getTurn(),
        turn.getText(),
        finishReason(turn.getFinishReason()),
        turn.hasStopText() ? Optional.of(turn.getStopText()) : Optional.empty(),
        new Usage(
            usage.getPromptTokens(),
            usage.getCachedPromptTokens(),
            usage.getGeneratedTokens(),
            usage.getDroppedHistoryTokens()),
        new Timings(
            duration(timings.getQueued()),
            duration(timings.getFirstToken()),
            duration(timings.getTotal())),
        turn.getSeed(),
        servedModel(turn.getModel()),
        turn.getCandidatesList().stream().map(Convert::candidate).toList(),
        turn.hasChosenCandidate()
            ? OptionalInt.of(turn.getChosenCandidate())
            : OptionalInt.empty());
  }

  private static Candidate candidate(dev.parley.v1.Candidate candidate) {
    return new Candidate(
        candidate.getText(),
        finishReason(candidate.getFinishReason()),
        candidate.getGeneratedTokens(),
        candidate.getMeanLogProbability(),
        candidate.hasMmiScore()
            ? OptionalDouble.of(candidate.getMmiScore())
            : OptionalDouble.empty(),
        candidate.getSeed());
  }

  static Model model(dev.parley.v1.Model model) {
    return new Model(
        model.getName(),
        model.getLatestVersion(),
        model.getVersionCount(),
        model.getAliasesMap(),
        model.hasCanary() ? Optional.of(canary(model.getCanary())) : Optional.empty(),
        model.hasPreviousDefaultVersion()
            ? OptionalInt.of(model.getPreviousDefaultVersion())
            : OptionalInt.empty());
  }

  static ModelVersion modelVersion(dev.parley.v1.ModelVersion version) {
    dev.parley.v1.Architecture shape = version.getArchitecture();
    dev.parley.v1.Lineage lineage = version.getLineage();
    return new ModelVersion(
        version.getName(),
        version.getVersion(),
        instant(version.getCreateTime()),
        new ModelVersion.Architecture(
            shape.getLayers(),
            shape.getHeads(),
            shape.getEmbeddingSize(),
            shape.getContextLength(),
            shape.getVocabularySize(),
            shape.getParameters()),
        new ModelVersion.Lineage(
            lineage.getOrigin(),
            lineage.getBase(),
            lineage.getBaseWeightsSha256(),
            lineage.getDataSha256(),
            lineage.getJobId(),
            lineage.getParametersMap(),
            lineage.getSeed(),
            lineage.getMetricsMap(),
            lineage.getParleyVersion(),
            lineage.getParleyCommit()),
        List.copyOf(version.getAliasesList()),
        version.getFileSha256Map(),
        version.getSizeBytes(),
        deploymentState(version.getDeploymentState()));
  }

  static AliasChange aliasChange(dev.parley.v1.SetModelAliasResponse response, String alias) {
    return new AliasChange(
        model(response.getModel()),
        alias,
        response.hasPreviousVersion()
            ? OptionalInt.of(response.getPreviousVersion())
            : OptionalInt.empty());
  }

  static Rollback rollback(dev.parley.v1.RollbackModelResponse response) {
    return new Rollback(
        model(response.getModel()),
        response.hasRolledBackVersion()
            ? OptionalInt.of(response.getRolledBackVersion())
            : OptionalInt.empty(),
        response.hasEndedCanary()
            ? Optional.of(canary(response.getEndedCanary()))
            : Optional.empty());
  }

  private static Canary canary(dev.parley.v1.Canary canary) {
    return new Canary(canary.getVersion(), canary.getShare());
  }
}
