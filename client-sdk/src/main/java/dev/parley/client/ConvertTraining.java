package dev.parley.client;

import dev.parley.v1.DataSource;
import dev.parley.v1.DialogueTurn;
import dev.parley.v1.InlineDialogues;
import dev.parley.v1.TrainRequest;
import dev.parley.v1.TrainingUpdate;
import io.grpc.Status;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/** Between the contract's training messages and this package's types. */
final class ConvertTraining {
  private ConvertTraining() {}

  static TrainRequest proto(TrainingRequest request) {
    TrainRequest.Builder proto =
        TrainRequest.newBuilder()
            .setBaseModel(request.base())
            .setModelName(request.name())
            .setParameters(request.options().toProto())
            .addAllSamplePrompts(request.samplePrompts())
            .setIdempotencyKey(request.idempotencyKey());
    request.data().forEach(source -> proto.addData(proto(source)));
    request.evaluationData().forEach(source -> proto.addEvaluationData(proto(source)));
    return proto.build();
  }

  private static DataSource proto(TrainingData source) {
    DataSource.Builder proto = DataSource.newBuilder();
    if (source instanceof TrainingData.Inline inline) {
      InlineDialogues.Builder dialogues = InlineDialogues.newBuilder();
      inline.dialogues().forEach(dialogue -> dialogues.addDialogues(proto(dialogue)));
      proto.setInline(dialogues);
    } else if (source instanceof TrainingData.ServerPath server) {
      proto.setPath(server.path());
    } else if (source instanceof TrainingData.UploadedDataset dataset) {
      proto.setDataset(dataset.digest());
    } else {
      throw new IllegalStateException(source + " was not uploaded");
    }
    return proto.build();
  }

  private static dev.parley.v1.Dialogue proto(Dialogue dialogue) {
    dev.parley.v1.Dialogue.Builder proto = dev.parley.v1.Dialogue.newBuilder();
    for (Dialogue.Turn turn : dialogue.turns()) {
      DialogueTurn.Builder protoTurn =
          DialogueTurn.newBuilder().setRole(turn.role()).setText(turn.text());
      turn.train().ifPresent(protoTurn::setTrain);
      proto.addTurns(protoTurn);
    }
    return proto.build();
  }

  /** Empty: an update that this version of the library does not know. */
  static Optional<TrainingEvent> event(TrainingUpdate update) {
    long sequence = update.getSequence();
    Instant time = Convert.instant(update.getTime());
    return switch (update.getUpdateCase()) {
      case CREATED ->
          Optional.of(new TrainingEvent.Created(sequence, time, update.getCreated().getJobId()));
      case STARTED -> Optional.of(started(sequence, time, update.getStarted()));
      case STEP -> Optional.of(step(sequence, time, update.getStep()));
      case EVALUATION -> Optional.of(evaluation(sequence, time, update.getEvaluation()));
      case CHECKPOINT ->
          Optional.of(
              new TrainingEvent.Checkpoint(
                  sequence,
                  time,
                  update.getCheckpoint().getStep(),
                  update.getCheckpoint().getPath(),
                  update.getCheckpoint().getBest()));
      case FINISHED ->
          Optional.of(
              new TrainingEvent.Finished(sequence, time, trainedVersion(update.getFinished())));
      case FAILED ->
          Optional.of(
              new TrainingEvent.Failed(sequence, time, failure(update.getFailed().getStatus())));
      case CANCELLED ->
          Optional.of(new TrainingEvent.Cancelled(sequence, time, update.getCancelled().getStep()));
      case WARNING ->
          Optional.of(
              new TrainingEvent.Warning(
                  sequence,
                  time,
                  update.getWarning().getReason(),
                  update.getWarning().getMessage(),
                  update.getWarning().getStep()));
      case DOWNLOAD ->
          Optional.of(
              new TrainingEvent.Download(
                  sequence,
                  time,
                  update.getDownload().getModel(),
                  update.getDownload().getFile(),
                  update.getDownload().getDownloadedBytes(),
                  update.getDownload().getTotalBytes()));
      case INTERRUPTED -> Optional.of(interrupted(sequence, time, update.getInterrupted()));
      case RESUMED ->
          Optional.of(
              new TrainingEvent.Resumed(
                  sequence, time, update.getResumed().getStep(), update.getResumed().getAttempt()));
      case UPDATE_NOT_SET -> Optional.empty();
    };
  }

  private static TrainingEvent started(
      long sequence, Instant time, dev.parley.v1.JobStarted started) {
    return new TrainingEvent.Started(
        sequence,
        time,
        new TrainingOptions(started.getParameters()),
        started.getTrainingDialogues(),
        started.getEvaluationDialogues(),
        started.getTotalSteps(),
        started.getModelParameters(),
        started.getTargetTokenShare(),
        started.getPaddingShare(),
        started.getTruncatedShare(),
        started.getDevice());
  }

  private static TrainingEvent step(long sequence, Instant time, dev.parley.v1.StepFinished step) {
    return new TrainingEvent.Step(
        sequence,
        time,
        step.getStep(),
        step.getTotalSteps(),
        step.getEpoch(),
        step.getLoss(),
        step.getLearningRate(),
        step.getGradientNorm(),
        step.getTargetTokens(),
        step.getTokensPerSecond(),
        Convert.duration(step.getTimeLeft()));
  }

  private static TrainingEvent evaluation(
      long sequence, Instant time, dev.parley.v1.EvaluationFinished evaluation) {
    return new TrainingEvent.Evaluation(
        sequence,
        time,
        evaluation.getStep(),
        evaluation.getLoss(),
        evaluation.getPerplexity(),
        evaluation.getTargetTokens(),
        Convert.labelPolicy(evaluation.getLabelPolicy()),
        evaluation.getSamplesList().stream()
            .map(sample -> new TrainingEvent.Sample(sample.getPrompt(), sample.getReply()))
            .toList(),
        evaluation.hasLossWithPadding()
            ? OptionalDouble.of(evaluation.getLossWithPadding())
            : OptionalDouble.empty());
  }

  private static TrainingEvent interrupted(
      long sequence, Instant time, dev.parley.v1.JobInterrupted interrupted) {
    return new TrainingEvent.Interrupted(
        sequence,
        time,
        interrupted.getStep(),
        interrupted.getCheckpointStep(),
        interrupted.hasCause() ? Optional.of(failure(interrupted.getCause())) : Optional.empty(),
        interrupted.getHeld());
  }

  private static TrainedVersion trainedVersion(dev.parley.v1.JobFinished finished) {
    return new TrainedVersion(
        finished.getModel(),
        finished.getVersion(),
        finished.getLossBefore(),
        finished.getLossAfter(),
        finished.getPerplexityBefore(),
        finished.getPerplexityAfter(),
        Convert.labelPolicy(finished.getLabelPolicy()),
        finished.getSteps(),
        Convert.duration(finished.getDuration()),
        finished.getPromoted(),
        finished.getPromotionReason());
  }

  private static TrainingFailedException failure(com.google.rpc.Status status) {
    return new TrainingFailedException(Errors.details(status), null);
  }

  static TrainingCancelledException cancelled(String jobId, int step) {
    return new TrainingCancelledException(
        ErrorDetails.local(
            Status.Code.CANCELLED,
            "JOB_CANCELLED",
            "Training job " + jobId + " was cancelled at step " + step + "; no version was made"),
        null);
  }

  static TrainingJob job(dev.parley.v1.TrainingJob job) {
    return new TrainingJob(
        job.getJobId(),
        state(job.getState()),
        job.getRequest().getBaseModel(),
        job.getRequest().getModelName(),
        Convert.instant(job.getCreateTime()),
        job.hasEndTime() ? Optional.of(Convert.instant(job.getEndTime())) : Optional.empty(),
        job.getStep(),
        job.getTotalSteps(),
        job.hasLoss() ? OptionalDouble.of(job.getLoss()) : OptionalDouble.empty(),
        job.hasVersion() ? OptionalInt.of(job.getVersion()) : OptionalInt.empty(),
        job.hasError() ? Optional.of(failure(job.getError())) : Optional.empty(),
        job.getLastSequence(),
        job.getCheckpointStep(),
        job.getResumes(),
        job.getQueuePosition());
  }

  private static TrainingState state(dev.parley.v1.TrainingJobState state) {
    return switch (state) {
      case TRAINING_JOB_STATE_CREATED -> TrainingState.CREATED;
      case TRAINING_JOB_STATE_RUNNING -> TrainingState.RUNNING;
      case TRAINING_JOB_STATE_FINISHED -> TrainingState.FINISHED;
      case TRAINING_JOB_STATE_FAILED -> TrainingState.FAILED;
      case TRAINING_JOB_STATE_CANCELLED -> TrainingState.CANCELLED;
      case TRAINING_JOB_STATE_INTERRUPTED -> TrainingState.INTERRUPTED;
      case TRAINING_JOB_STATE_UNSPECIFIED, UNRECOGNIZED -> TrainingState.UNKNOWN;
    };
  }
}
