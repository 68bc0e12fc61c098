package dev.parley.client;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * What a training job reports: {@code Created Download* Started (Step | Evaluation | Checkpoint |
 * Warning)*} and one of {@code Finished}, {@code Failed} and {@code Cancelled}, which may also come
 * earlier. A job that is broken off reports {@code Interrupted} and, when it goes on, {@code
 * Resumed}; what was reported of later steps than {@link Resumed#step} is superseded then, for they
 * are made again.
 */
public sealed interface TrainingEvent {
  /** Counts from 1; names where {@link TrainingClient#watch(String, long)} goes on. */
  long sequence();

  /** When it happened, by the trainer's clock. */
  Instant time();

  /** The job exists and waits for its turn. */
  record Created(long sequence, Instant time, String jobId) implements TrainingEvent {}

  /**
   * How far the download of a base model from a hub is.
   *
   * @param model with its commit, {@code organisation/name@commit}
   * @param file that is being downloaded
   * @param downloadedBytes of all files that are downloaded together
   * @param totalBytes of all files that are downloaded together
   */
  record Download(
      long sequence, Instant time, String model, String file, long downloadedBytes, long totalBytes)
      implements TrainingEvent {}

  /**
   * Data and model are read; training begins.
   *
   * @param options every option, defaults filled in
   * @param targetTokenShare learned tokens of all tokens, padding left out
   * @param paddingShare padding of all positions
   * @param truncatedShare sequences that were shortened, of all
   */
  record Started(
      long sequence,
      Instant time,
      TrainingOptions options,
      int trainingDialogues,
      int evaluationDialogues,
      int totalSteps,
      long modelParameters,
      double targetTokenShare,
      double paddingShare,
      double truncatedShare,
      String device)
      implements TrainingEvent {}

  /**
   * One optimiser step.
   *
   * @param loss nats per learned token over the step
   * @param gradientNorm before clipping
   * @param tokensPerSecond all tokens but padding
   */
  record Step(
      long sequence,
      Instant time,
      int step,
      int totalSteps,
      double epoch,
      double loss,
      double learningRate,
      double gradientNorm,
      int targetTokens,
      double tokensPerSecond,
      Duration timeLeft)
      implements TrainingEvent {}

  /**
   * The model on the evaluation data.
   *
   * @param step 0: before the first step
   * @param loss nats per learned token
   * @param lossWithPadding only with the preset {@code seed}: as that recipe counts it
   */
  record Evaluation(
      long sequence,
      Instant time,
      int step,
      double loss,
      double perplexity,
      long targetTokens,
      LabelPolicy labelPolicy,
      List<Sample> samples,
      OptionalDouble lossWithPadding)
      implements TrainingEvent {
    public Evaluation {
      samples = List.copyOf(samples);
    }
  }

  /**
   * Weights are on the server's disk.
   *
   * @param path the server's; another training can start from it
   * @param best the weights of the best evaluation alone; training goes on from the others
   */
  record Checkpoint(long sequence, Instant time, int step, String path, boolean best)
      implements TrainingEvent {}

  /**
   * The job stopped before its end and can go on.
   *
   * @param step the last one that was done
   * @param checkpointStep where it goes on from; 0: from the beginning
   * @param cause what went wrong; empty where the trainer was asked to stop
   * @param held whether it waits for {@link TrainingClient#resume}; else the server goes on with it
   */
  record Interrupted(
      long sequence,
      Instant time,
      int step,
      int checkpointStep,
      Optional<TrainingFailedException> cause,
      boolean held)
      implements TrainingEvent {}

  /**
   * The job goes on.
   *
   * @param step of the checkpoint; what was reported of later steps is superseded
   * @param attempt 1 for the first time
   */
  record Resumed(long sequence, Instant time, int step, int attempt) implements TrainingEvent {}

  /**
   * Something went wrong that the job goes on without.
   *
   * @param reason for programs, such as {@code CHECKPOINT_FAILED}
   */
  record Warning(long sequence, Instant time, String reason, String message, int step)
      implements TrainingEvent {}

  /** Training is done and the version is registered. */
  record Finished(long sequence, Instant time, TrainedVersion version) implements TrainingEvent {}

  /** The job ended without a version. */
  record Failed(long sequence, Instant time, TrainingFailedException error)
      implements TrainingEvent {}

  /** The job was cancelled; no version was registered. */
  record Cancelled(long sequence, Instant time, int step) implements TrainingEvent {}

  /** A prompt and the model's greedy reply to it. */
  record Sample(String prompt, String reply) {}
}
