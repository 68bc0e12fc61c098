package dev.parley.client;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.OptionalDouble;

/**
 * What a training job reports: {@code Created Download* Started (Step | Evaluation | Checkpoint)*}
 * and one of {@code Finished}, {@code Failed} and {@code Cancelled}, which may also come earlier.
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
   * Something went wrong that the job goes on without.
   *
   * @param reason for programs, such as {@code MLFLOW_FAILED}
   */
  record Warning(long sequence, Instant time, String reason, String message, int step)
      implements TrainingEvent {}

  /** A checkpoint that training can go on from; the path is the server's. */
  record Checkpoint(long sequence, Instant time, int step, String path) implements TrainingEvent {}

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
