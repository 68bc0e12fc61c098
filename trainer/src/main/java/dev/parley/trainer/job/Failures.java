package dev.parley.trainer.job;

import com.google.protobuf.Any;
import com.google.rpc.BadRequest;
import com.google.rpc.Code;
import com.google.rpc.ErrorInfo;
import com.google.rpc.Status;
import dev.parley.model.checkpoint.CheckpointException;
import dev.parley.model.hub.HubException;
import dev.parley.model.registry.ModelNotFoundException;
import dev.parley.model.registry.RegistryException;
import dev.parley.model.text.TokenizerException;
import dev.parley.model.torch.MemoryFailure;
import dev.parley.trainer.data.InvalidDataException;
import dev.parley.v1.JobWarning;
import dev.parley.v1.TrainingUpdate;
import java.io.UncheckedIOException;
import java.util.List;

/** Why a job failed, as a status with a reason that programs can switch on. */
final class Failures {
  private static final String DOMAIN = "parley.dev";

  private Failures() {}

  /**
   * What an exception says about the job.
   *
   * @param began whether the job has made steps, which it can go on from
   */
  static Status of(Throwable e, boolean began) {
    String message = e.getMessage() == null ? e.toString() : e.getMessage();
    if (e instanceof InvalidDataException invalid) {
      return invalidData(invalid);
    }
    if (e instanceof HubException hub) {
      return hub(hub.kind(), message);
    }
    if (e instanceof ModelNotFoundException) {
      return status(Code.NOT_FOUND, "MODEL_NOT_FOUND", message);
    }
    if (e instanceof CheckpointException || e instanceof TokenizerException) {
      return status(Code.FAILED_PRECONDITION, "MODEL_UNUSABLE", message);
    }
    if (e instanceof Room.NoRoomException) {
      return status(Code.FAILED_PRECONDITION, "NO_ROOM", message);
    }
    if (e instanceof JobChangedException) {
      return status(Code.FAILED_PRECONDITION, "JOB_CHANGED", message);
    }
    if (e instanceof RegistryException || e instanceof UncheckedIOException) {
      return storage(message);
    }
    if (e instanceof IllegalArgumentException) {
      return status(Code.INVALID_ARGUMENT, "INVALID_REQUEST", message);
    }
    if (e instanceof OutOfMemoryError && !message.contains("native")) { // such as: Java heap space
      return status(Code.RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", heap(message, began));
    }
    return MemoryFailure.is(e)
        ? status(
            Code.RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", message + "; lower batch_size or max_length")
        : status(Code.INTERNAL, "TRAINER_FAILED", e.toString());
  }

  private static String heap(String message, boolean began) {
    long megabytes = Runtime.getRuntime().maxMemory() >> 20;
    long more = Math.max(4, (2 * megabytes + 1023) / 1024);
    return "the trainer's Java heap of %,d MB is too small for this data (%s): give it more with `parley serve --trainer-memory %dg`, or PARLEY_JAVA_OPTIONS=-Xmx%dg before `parley train`, %s"
        .formatted(
            megabytes,
            message,
            more,
            more,
            began ? "and resume the job" : "or train on fewer dialogues");
  }

  private static Status hub(HubException.Kind kind, String message) {
    return switch (kind) {
      case NOT_FOUND -> status(Code.NOT_FOUND, "MODEL_NOT_FOUND", message);
      case DENIED -> status(Code.PERMISSION_DENIED, "HUB_ACCESS_DENIED", message);
      case UNREACHABLE -> status(Code.UNAVAILABLE, "HUB_UNREACHABLE", message);
      case DAMAGED -> status(Code.DATA_LOSS, "DOWNLOAD_DAMAGED", message);
      case UNUSABLE -> status(Code.FAILED_PRECONDITION, "MODEL_UNUSABLE", message);
      case STORAGE -> status(Code.FAILED_PRECONDITION, "STORAGE_FAILED", message);
      case CONFIGURATION -> status(Code.FAILED_PRECONDITION, "HUB_MISCONFIGURED", message);
    };
  }

  static Status diverged(String message) {
    return status(Code.ABORTED, "TRAINING_DIVERGED", message);
  }

  /** The disk refused what the job wanted to keep. */
  static Status storage(String message) {
    return status(Code.FAILED_PRECONDITION, "STORAGE_FAILED", message);
  }

  /** The process is gone and has not said why. */
  static Status died() {
    return status(
        Code.ABORTED,
        "TRAINER_DIED",
        "the process that ran this job ended without a word; see its trainer.log");
  }

  /** Something that the job goes on without. */
  static TrainingUpdate.Builder warning(String reason, int step, String message) {
    return TrainingUpdate.newBuilder()
        .setWarning(JobWarning.newBuilder().setReason(reason).setStep(step).setMessage(message));
  }

  /** What a job is made of is not what it was when it began. */
  static final class JobChangedException extends RuntimeException {
    private static final long serialVersionUID = 1;

    JobChangedException(String message) {
      super(message);
    }
  }

  private static Status invalidData(InvalidDataException e) {
    BadRequest.Builder fields = BadRequest.newBuilder();
    for (InvalidDataException.Problem problem : e.problems()) {
      String place = problem.toString();
      fields.addFieldViolations(
          BadRequest.FieldViolation.newBuilder().setField("data").setDescription(place));
    }
    return status(Code.INVALID_ARGUMENT, "INVALID_DATA", String.valueOf(e.getMessage())).toBuilder()
        .addDetails(Any.pack(fields.build()))
        .build();
  }

  private static Status status(Code code, String reason, String message) {
    ErrorInfo info = ErrorInfo.newBuilder().setReason(reason).setDomain(DOMAIN).build();
    return Status.newBuilder()
        .setCode(code.getNumber())
        .setMessage(message)
        .addAllDetails(List.of(Any.pack(info)))
        .build();
  }
}
