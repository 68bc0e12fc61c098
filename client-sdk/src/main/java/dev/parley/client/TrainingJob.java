package dev.parley.client;

import java.time.Instant;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * A training job as it stands.
 *
 * @param base what it starts from
 * @param model the model that its version will belong to
 * @param loss the latest step's
 * @param version the registered version, for a job that finished
 * @param error why it failed, or what interrupted it
 * @param lastSequence the latest event's
 * @param checkpointStep the step of the newest checkpoint; 0: there is none
 * @param resumes how often it was resumed
 * @param queuePosition its place among the jobs that wait, 1 is next; 0: it does not wait
 */
public record TrainingJob(
    String jobId,
    TrainingState state,
    String base,
    String model,
    Instant createTime,
    Optional<Instant> endTime,
    int step,
    int totalSteps,
    OptionalDouble loss,
    OptionalInt version,
    Optional<TrainingFailedException> error,
    long lastSequence,
    int checkpointStep,
    int resumes,
    int queuePosition) {}
