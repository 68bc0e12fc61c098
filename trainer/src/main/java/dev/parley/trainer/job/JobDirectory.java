package dev.parley.trainer.job;

import com.google.protobuf.util.JsonFormat;
import com.google.protobuf.util.Timestamps;
import com.google.rpc.Status;
import dev.parley.model.registry.DurableFiles;
import dev.parley.v1.JobCancelled;
import dev.parley.v1.JobCreated;
import dev.parley.v1.JobFailed;
import dev.parley.v1.JobInterrupted;
import dev.parley.v1.TrainRequest;
import dev.parley.v1.TrainingJob;
import dev.parley.v1.TrainingUpdate;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * A training job on disk, {@code <home>/jobs/<id>}: {@code spec.json} (the request), {@code
 * events.jsonl} ({@link EventLog}), {@code checkpoints/}, {@code trainer.log}, and {@code cancel}
 * once someone asked it to stop. It appears whole, by one rename, with its first update written.
 */
public final class JobDirectory {
  private static final DateTimeFormatter ID_TIME =
      DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss").withZone(ZoneOffset.UTC);

  /** Updates in memory at once while a log is read. */
  static final int BATCH = 256;

  private static final String ID = "[a-z0-9][a-z0-9-]*";
  private static final SecureRandom RANDOM = new SecureRandom();

  private final Path directory;

  /** Waits until a file or a directory is on the disk. */
  interface Disk {
    void sync(Path path) throws IOException;
  }

  private JobDirectory(Path directory) {
    this.directory = directory;
  }

  /** {@link #create(Path, TrainRequest, Clock)} with the system's clock. */
  public static JobDirectory create(Path home, TrainRequest request) {
    return create(home, request, Clock.systemUTC());
  }

  /**
   * Writes a new job down, on the disk when this returns; it waits to be run. A request with an
   * idempotency key that some job of this home was created with returns that job.
   *
   * @param request as {@link RequestValidation} accepts it
   * @throws UncheckedIOException if the home cannot be written to; nothing is left behind
   */
  public static JobDirectory create(Path home, TrainRequest request, Clock clock) {
    return create(home, request, clock, false, DurableFiles::sync);
  }

  /**
   * A job that the calling process is about to run itself: a server of the same home shows it and
   * does not run it.
   */
  public static JobDirectory createForeground(Path home, TrainRequest request) {
    return create(home, request, Clock.systemUTC(), true, DurableFiles::sync);
  }

  static JobDirectory create(
      Path home, TrainRequest request, Clock clock, boolean foreground, Disk disk) {
    Path jobs = home.resolve("jobs");
    String id = id(request, clock);
    Path directory = jobs.resolve(id);
    try {
      if (Files.exists(directory)) {
        return onDisk(jobs, id, disk);
      }
      boolean first = !Files.exists(jobs);
      Files.createDirectories(jobs);
      if (first) {
        disk.sync(home);
      }
      Path staged = Files.createTempDirectory(jobs, ".new-");
      try {
        writeAndSync(staged.resolve("spec.json"), JsonFormat.printer().print(request) + "\n");
        Files.createDirectory(staged.resolve("checkpoints"));
        try (EventLog.Writer events = new EventLog(staged.resolve("events.jsonl")).open(clock)) {
          events.append(
              TrainingUpdate.newBuilder()
                  .setCreated(
                      JobCreated.newBuilder()
                          .setJobId(id)
                          .setRequest(request)
                          .setForeground(foreground)));
        }
        disk.sync(staged); // files without names in a directory are lost with the power
        Files.move(staged, directory, StandardCopyOption.ATOMIC_MOVE);
      } catch (IOException | RuntimeException e) { // a full disk is neither's special kind
        deleteTree(staged);
        if (Files.exists(directory)) {
          return onDisk(jobs, id, disk); // the same key, a moment earlier
        }
        throw e;
      }
      try {
        disk.sync(jobs); // and so is a rename
      } catch (IOException e) {
        deleteTree(directory);
        throw e;
      }
      return new JobDirectory(directory);
    } catch (IOException e) {
      throw new UncheckedIOException("job cannot be created in " + jobs + ": " + e, e);
    }
  }

  /** A job that is there: whoever created it may not have waited for the disk yet, or died then. */
  private static JobDirectory onDisk(Path jobs, String id, Disk disk) throws IOException {
    disk.sync(jobs);
    return new JobDirectory(jobs.resolve(id));
  }

  /**
   * An existing job.
   *
   * @throws NoSuchElementException if there is none with this id
   */
  public static JobDirectory open(Path home, String id) {
    Path jobs = home.resolve("jobs");
    if (!id.matches(ID) // before it becomes part of a path
        || !Files.exists(jobs.resolve(id).resolve("events.jsonl"))) {
      throw new NoSuchElementException(
          "training job '%s' does not exist in %s".formatted(id, jobs));
    }
    return new JobDirectory(jobs.resolve(id));
  }

  /** Every job of a home, newest first; last those whose log cannot be read. */
  public static List<JobDirectory> list(Path home) {
    Path jobs = home.resolve("jobs");
    try (Stream<Path> entries = Files.list(jobs)) {
      return entries
          .filter(entry -> Files.exists(entry.resolve("events.jsonl")))
          .filter(entry -> !entry.getFileName().toString().startsWith("."))
          .map(JobDirectory::new)
          .sorted(
              Comparator.comparing(JobDirectory::createMillis)
                  .thenComparing(job -> job.id())
                  .reversed())
          .toList();
    } catch (NoSuchFileException e) {
      return List.of();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The names of the jobs of a home, in no order; nothing of them is read. */
  public static List<String> ids(Path home) {
    try (Stream<Path> entries = Files.list(home.resolve("jobs"))) {
      return entries
          .map(entry -> entry.getFileName().toString())
          .filter(name -> name.matches(ID))
          .toList();
    } catch (NoSuchFileException e) {
      return List.of();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private long createMillis() {
    try (Stream<String> lines = Files.lines(directory.resolve("events.jsonl"))) {
      TrainingUpdate.Builder first = TrainingUpdate.newBuilder();
      JsonFormat.parser().ignoringUnknownFields().merge(lines.findFirst().orElse("{}"), first);
      return Timestamps.toMillis(first.getTime());
    } catch (IOException | UncheckedIOException e) {
      return Long.MIN_VALUE; // a damaged log: whoever opens the job is told
    }
  }

  /** The job's name: letters, digits and hyphens. */
  public String id() {
    return directory.getFileName().toString();
  }

  /** Where the job lies. */
  public Path path() {
    return directory;
  }

  /** What was asked for. */
  public TrainRequest spec() {
    Path file = directory.resolve("spec.json");
    try {
      TrainRequest.Builder request = TrainRequest.newBuilder();
      JsonFormat.parser().ignoringUnknownFields().merge(Files.readString(file), request);
      return request.build();
    } catch (IOException e) {
      throw new UncheckedIOException(file + " cannot be read: " + e.getMessage(), e);
    }
  }

  /** What the job wrote down. */
  public EventLog events() {
    return new EventLog(directory.resolve("events.jsonl"));
  }

  /** Where its checkpoints go. */
  public Path checkpoints() {
    return directory.resolve("checkpoints");
  }

  /** What its process printed. */
  public Path log() {
    return directory.resolve("trainer.log");
  }

  /** The job as it stands, from its whole log. */
  public TrainingJob job() {
    return state().job();
  }

  /** As {@link #job}, with what only those who run jobs want to know. */
  public JobState state() {
    JobState state = new JobState();
    EventLog.Tail tail = events().tail(1);
    for (List<TrainingUpdate> updates = tail.poll(BATCH);
        !updates.isEmpty();
        updates = tail.poll(BATCH)) {
      updates.forEach(state::apply);
    }
    return state;
  }

  /** Whether some process is running the job at this moment. */
  public boolean isRunning() {
    return events().hasWriter();
  }

  /** Asks the job to stop at its next step, whichever process runs it. */
  public void requestCancel() {
    try {
      Files.write(directory.resolve("cancel"), new byte[0]);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Whether it was asked to stop. */
  public boolean cancelRequested() {
    return Files.exists(directory.resolve("cancel"));
  }

  /**
   * Ends a job that nobody runs any more, because its process died or never started. A job that has
   * ended stays as it is.
   *
   * @return whether the failure was written
   * @throws EventLog.LogInUseException if a process is running the job
   */
  public boolean fail(Status status) {
    return append(
        job -> TrainingUpdate.newBuilder().setFailed(JobFailed.newBuilder().setStatus(status)));
  }

  /**
   * Ends a job that nobody runs at the moment. A job that has ended stays as it is.
   *
   * @return whether that was written
   * @throws EventLog.LogInUseException if a process is running the job
   */
  public boolean cancel() {
    return append(
        job ->
            TrainingUpdate.newBuilder()
                .setCancelled(JobCancelled.newBuilder().setStep(job.getStep())));
  }

  /**
   * Writes down that the process that ran the job is gone. A job that has ended stays as it is.
   *
   * @param held whether nobody goes on with it unasked
   * @return whether that was written
   * @throws EventLog.LogInUseException if a process is running the job
   */
  public boolean interrupt(Status cause, boolean held) {
    return append(job -> interrupted(job, cause, held));
  }

  static TrainingUpdate.Builder interrupted(TrainingJob job, Status cause, boolean held) {
    return TrainingUpdate.newBuilder()
        .setInterrupted(
            JobInterrupted.newBuilder()
                .setStep(job.getStep())
                .setCheckpointStep(job.getCheckpointStep())
                .setCause(cause)
                .setHeld(held));
  }

  private boolean append(Function<TrainingJob, TrainingUpdate.Builder> update) {
    try (EventLog.Writer events = events().open(Clock.systemUTC())) {
      TrainingJob job = job();
      if (JobState.isFinal(job.getState())) {
        return false;
      }
      events.append(update.apply(job));
      return true;
    }
  }

  private static String id(TrainRequest request, Clock clock) {
    if (!request.getIdempotencyKey().isEmpty()) {
      return "key-" + sha256(request.getIdempotencyKey()).substring(0, 20);
    }
    byte[] random = new byte[3];
    RANDOM.nextBytes(random);
    return ID_TIME.format(clock.instant()) + "-" + HexFormat.of().formatHex(random);
  }

  private static String sha256(String text) {
    try {
      return HexFormat.of()
          .formatHex(
              MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every JVM has it
    }
  }

  private static void writeAndSync(Path file, String text) throws IOException {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
      channel.force(true);
    }
  }

  private static void deleteTree(Path directory) throws IOException {
    try (Stream<Path> entries = Files.walk(directory)) {
      for (Path entry : entries.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(entry);
      }
    }
  }
}
