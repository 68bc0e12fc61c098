package dev.parley.server.training;

import static dev.parley.server.ops.TestErrors.errorOf;
import static dev.parley.server.ops.TestErrors.violationsOf;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.parley.server.ops.TestChat;
import dev.parley.server.ops.TestHome;
import dev.parley.server.ops.TestJobs;
import dev.parley.server.ops.TestServer;
import dev.parley.trainer.job.JobDirectory;
import dev.parley.v1.CancelTrainingJobRequest;
import dev.parley.v1.DataSource;
import dev.parley.v1.DatasetHeader;
import dev.parley.v1.GetDatasetRequest;
import dev.parley.v1.GetDatasetResponse;
import dev.parley.v1.GetTrainingJobRequest;
import dev.parley.v1.JobStarted;
import dev.parley.v1.ListTrainingJobsRequest;
import dev.parley.v1.ListTrainingJobsResponse;
import dev.parley.v1.PromotionPolicy;
import dev.parley.v1.ResumeTrainingJobRequest;
import dev.parley.v1.TrainRequest;
import dev.parley.v1.TrainResponse;
import dev.parley.v1.TrainingJob;
import dev.parley.v1.TrainingJobState;
import dev.parley.v1.TrainingParameters;
import dev.parley.v1.TrainingServiceGrpc;
import dev.parley.v1.TrainingUpdate;
import dev.parley.v1.UploadDatasetRequest;
import dev.parley.v1.UploadDatasetResponse;
import dev.parley.v1.WatchTrainingJobRequest;
import io.grpc.Context;
import io.grpc.Status;
import io.grpc.Status.Code;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The service with its real trainer processes. */
class TrainingServiceTest {
  @TempDir private Path home;
  private TestServer server;

  @BeforeEach
  void start() {
    server = TestServer.start(home, "max-upload", "1000");
  }

  @AfterEach
  void stop() {
    for (TrainingJob job : list()) {
      cancel(job.getJobId());
    }
    server.close();
    ProcessHandle.current().children().forEach(ProcessHandle::destroyForcibly);
  }

  @Test
  void train_promoted_newConversationsGetIt_runningOnesKeepTheirs() throws Exception {
    TestHome.copy(home, "parley-tiny", "tuned");
    TestChat before = new TestChat(server, "tuned");
    assertThat(before.setup().getModel().getVersion()).isEqualTo(1);
    before.say("hello");

    TrainRequest.Builder request = TestJobs.steps("tuned@1", "tuned", 3);
    request.getParametersBuilder().setPromotion(PromotionPolicy.PROMOTION_POLICY_ALWAYS);
    request.setIdempotencyKey("once");
    List<TrainingUpdate> updates = new ArrayList<>();
    server.training().train(request.build()).forEachRemaining(r -> updates.add(r.getUpdate()));

    assertThat(updates)
        .extracting(TrainingUpdate::getSequence)
        .containsExactlyElementsOf(LongStream.rangeClosed(1, updates.size()).boxed().toList());
    TrainingUpdate last = updates.get(updates.size() - 1);
    assertThat(last.getFinished().getVersion()).as(last.toString()).isEqualTo(2);
    assertThat(updates).filteredOn(TrainingUpdate::hasStep).hasSize(3);
    try (TestChat after = new TestChat(server, "tuned")) {
      assertThat(after.setup().getModel().getVersion()).isEqualTo(2);
      assertThat(after.say("hello").getModel().getVersion()).isEqualTo(2);
    }
    assertThat(before.say("again").getModel().getVersion()).isEqualTo(1);
    before.close();
    assertThat(before.end().getCode()).isEqualTo(Code.OK);

    String id = updates.get(0).getCreated().getJobId();
    assertThat(watch(id, 0)).isEqualTo(updates);
    assertThat(watch(id, 4)).isEqualTo(updates.subList(3, updates.size()));
    assertThat(watch(id, updates.size() + 1L)).isEmpty();
    assertThat(server.training().train(request.build()).next().getUpdate())
        .as("the same idempotency key")
        .isEqualTo(updates.get(0));
    assertThat(list()).hasSize(1);
    assertThat(server.get("/metrics").body())
        .contains("parley_training_jobs{state=\"finished\"} 1.0")
        .contains("parley_training_tokens_total{model=\"tuned\"}")
        .contains("parley_training_loss{model=\"tuned\"}")
        .contains("parley_chat_turns_total{finish_reason=");

    server.close();
    server = TestServer.start(home);
    assertThat(get(id).getState()).isEqualTo(TrainingJobState.TRAINING_JOB_STATE_FINISHED);
    assertThat(watch(id, 1)).as("after a restart").isEqualTo(updates);
  }

  @Test
  void cancel_waitingJob_endsAtOnce_runningJob_endsAtAStep_alsoAfterARestart() {
    Iterator<TrainResponse> running = server.training().train(TestJobs.endless("a").build());
    String runningId = running.next().getUpdate().getCreated().getJobId();
    awaitStep(running);
    Iterator<TrainResponse> waiting = server.training().train(TestJobs.endless("b").build());
    String waitingId = waiting.next().getUpdate().getCreated().getJobId();

    assertThat(cancel(waitingId).getState())
        .isEqualTo(TrainingJobState.TRAINING_JOB_STATE_CANCELLED);
    assertThat(waiting.next().getUpdate().hasCancelled()).isTrue();
    assertThat(waiting.hasNext()).isFalse();

    server.close(); // the trainer goes on
    server = TestServer.start(home);
    TrainingJob followed = get(runningId);
    assertThat(followed.getState()).isEqualTo(TrainingJobState.TRAINING_JOB_STATE_RUNNING);
    Iterator<TrainResponse> unused = server.training().train(TestJobs.endless("c").build());
    String behind = unused.next().getUpdate().getCreated().getJobId();
    assertThat(get(behind).getState()).isEqualTo(TrainingJobState.TRAINING_JOB_STATE_CREATED);
    cancel(behind);
    cancel(runningId);
    List<TrainingUpdate> rest = watch(runningId, followed.getLastSequence() + 1);
    assertThat(rest.get(rest.size() - 1).hasCancelled()).isTrue();
    assertThat(get(runningId).hasVersion()).isFalse();
    assertThat(TestHome.registry(home).models()).containsExactly("parley-tiny");
  }

  @Test
  void train_trainerKilled_goesOnFromItsCheckpoint_beforeTheJobThatWaits() {
    TrainRequest.Builder request = TestJobs.endless("a");
    request.getParametersBuilder().setCheckpointSteps(1);
    Iterator<TrainResponse> updates = server.training().train(request.build());
    String id = updates.next().getUpdate().getCreated().getJobId();
    Iterator<TrainResponse> next =
        server.training().train(TestJobs.steps("parley-tiny", "b", 1).build());
    String waiting = next.next().getUpdate().getCreated().getJobId();
    awaitStep(updates);
    awaitStep(updates); // after a first checkpoint
    assertThat(get(waiting).getQueuePosition()).isEqualTo(1);
    ProcessHandle trainer =
        ProcessHandle.current()
            .children()
            .filter(child -> child.info().commandLine().orElse("").contains(id))
            .findFirst()
            .orElseThrow();

    assertThat(trainer.destroyForcibly()).isTrue();

    TrainingUpdate interrupted = awaitUpdate(updates, TrainingUpdate::hasInterrupted);
    assertThat(interrupted.getInterrupted().getCause().getMessage()).contains("exit code 137");
    assertThat(interrupted.getInterrupted().getHeld()).isFalse();
    TrainingUpdate resumed = awaitUpdate(updates, TrainingUpdate::hasResumed);
    assertThat(resumed.getSequence()).isEqualTo(interrupted.getSequence() + 1);
    assertThat(resumed.getResumed().getStep())
        .isEqualTo(interrupted.getInterrupted().getCheckpointStep())
        .isPositive();
    TrainingUpdate step = awaitUpdate(updates, TrainingUpdate::hasStep);
    assertThat(step.getStep().getStep()).isEqualTo(resumed.getResumed().getStep() + 1);
    assertThat(get(id).getState()).isEqualTo(TrainingJobState.TRAINING_JOB_STATE_RUNNING);
    assertThat(get(id).getResumes()).isEqualTo(1);
    assertThat(get(waiting).getState()).isEqualTo(TrainingJobState.TRAINING_JOB_STATE_CREATED);
    cancel(id);
    assertThat(last(updates).hasCancelled()).isTrue();
    assertThat(last(next).hasFinished()).isTrue();
  }

  @Test
  void start_jobWhoseTrainerDiedUnseen_goesOn() {
    server.close();
    JobDirectory job = JobDirectory.create(home, TestJobs.steps("parley-tiny", "a", 2).build());
    try (var events = job.events().open(Clock.systemUTC())) {
      events.append(
          TrainingUpdate.newBuilder().setStarted(JobStarted.newBuilder().setTotalSteps(2)));
    }

    server = TestServer.start(home);

    List<TrainingUpdate> updates = watch(job.id(), 3);
    assertThat(updates.get(0).getInterrupted().getCause().getMessage())
        .contains("while no server looked on");
    assertThat(updates.get(1).hasResumed()).isTrue();
    assertThat(updates.get(updates.size() - 1).getFinished().getVersion()).isEqualTo(1);
  }

  @Test
  void resume_heldJob_goesOnWhenAsked_otherStates_areRefused() throws Exception {
    JobDirectory job =
        JobDirectory.createForeground(home, TestJobs.steps("parley-tiny", "a", 2).build());
    assertThat(job.interrupt(com.google.rpc.Status.getDefaultInstance(), true)).isTrue();
    awaitState(job.id(), TrainingJobState.TRAINING_JOB_STATE_INTERRUPTED); // of another process

    assertThat(resume(job.id()).getQueuePosition()).isEqualTo(1);

    List<TrainingUpdate> updates = watch(job.id(), 1);
    assertThat(updates.get(updates.size() - 1).hasFinished()).isTrue();
    errorOf(Code.FAILED_PRECONDITION, "TRAINING_JOB_NOT_INTERRUPTED", () -> resume(job.id()));
    errorOf(Code.NOT_FOUND, "TRAINING_JOB_NOT_FOUND", () -> resume("no-such"));
  }

  /** Waits for what another process wrote: the server looks for it once a second. */
  private void awaitState(String id, TrainingJobState state) {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (list().stream().noneMatch(job -> job.getJobId().equals(id) && job.getState() == state)
        && System.nanoTime() < end) {
      Thread.onSpinWait();
    }
    assertThat(get(id).getState()).isEqualTo(state);
  }

  @Test
  void train_clientGoesAway_jobGoesOn() {
    Context.CancellableContext client = Context.current().withCancellation();
    Iterator<TrainResponse> updates = trainAs(client);
    String id = updates.next().getUpdate().getCreated().getJobId();
    awaitStep(updates);

    client.cancel(null);

    long seen = get(id).getLastSequence();
    Iterator<TrainingUpdate> on = stream(id, seen + 1); // would wait forever if the job had stopped
    assertThat(on.next().getSequence()).isEqualTo(seen + 1);
    assertThat(get(id).getState()).isEqualTo(TrainingJobState.TRAINING_JOB_STATE_RUNNING);
  }

  @Test
  void train_manyProblems_allNamedAtOnce_nothingCreated() throws Exception {
    TrainRequest request =
        TrainRequest.newBuilder()
            .setBaseModel("parley-tiny")
            .setModelName("Not A Name")
            .addData(DataSource.newBuilder().setPath("/does/not/exist.jsonl"))
            .addData(DataSource.newBuilder().setDataset("sha256:" + "0".repeat(64)))
            .addData(DataSource.getDefaultInstance())
            .setParameters(TrainingParameters.newBuilder().setBatchSize(0).setEpochs(-1))
            .build();

    assertThat(violationsOf(() -> server.training().train(request).next()))
        .containsExactlyInAnyOrder(
            "model_name",
            "data[0].path",
            "data[1].dataset",
            "data[2]",
            "parameters.batch_size",
            "parameters.epochs");
    assertThat(
            errorOf(
                Code.NOT_FOUND,
                "MODEL_NOT_FOUND",
                () ->
                    server.training().train(TestJobs.steps("parley-tyni", "a", 1).build()).next()))
        .contains("parley-tiny");
    assertThat(list()).isEmpty();
  }

  @Test
  void unknownJob_everyMethod_notFound() throws Exception {
    errorOf(Code.NOT_FOUND, "TRAINING_JOB_NOT_FOUND", () -> get("no-such"));
    errorOf(Code.NOT_FOUND, "TRAINING_JOB_NOT_FOUND", () -> cancel("../registry"));
    errorOf(Code.NOT_FOUND, "TRAINING_JOB_NOT_FOUND", () -> watch("no-such", 1));
  }

  @Test
  void list_pages_newestFirst() throws Exception {
    List<String> ids = new ArrayList<>();
    server.close();
    for (int i = 0; i < 3; i++) {
      JobDirectory job = JobDirectory.create(home, TestJobs.endless("a").build());
      job.fail(com.google.rpc.Status.newBuilder().setCode(2).build());
      ids.add(0, job.id());
    }
    server = TestServer.start(home);

    ListTrainingJobsResponse first = page(2, "");
    ListTrainingJobsResponse second = page(2, first.getNextPageToken());

    assertThat(
            Stream.concat(first.getJobsList().stream(), second.getJobsList().stream())
                .map(TrainingJob::getJobId))
        .containsExactlyElementsOf(
            server
                .training()
                .listTrainingJobs(ListTrainingJobsRequest.getDefaultInstance())
                .getJobsList()
                .stream()
                .map(TrainingJob::getJobId)
                .toList())
        .containsExactlyInAnyOrderElementsOf(ids);
    assertThat(first.getJobsCount()).isEqualTo(2);
    assertThat(second.getNextPageToken()).isEmpty();
    assertThat(violationsOf(() -> page(-1, ""))).containsExactly("page_size");
    assertThat(violationsOf(() -> page(1, "made-up"))).containsExactly("page_token");
  }

  @Test
  void upload_goodFile_isStoredUnderItsDigest_andTwiceIsOnce() throws Exception {
    String line =
        "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},"
            + "{\"role\":\"assistant\",\"content\":\"hello\"}]}\n";

    UploadDatasetResponse first = upload("d.jsonl", line, line);
    UploadDatasetResponse second = upload("other.jsonl", line + line);

    assertThat(first.getDialogues()).isEqualTo(2);
    assertThat(first.getSizeBytes()).isEqualTo(2L * line.length());
    assertThat(second.getDataset()).isEqualTo(first.getDataset());
    String digest = first.getDataset().substring("sha256:".length());
    assertThat(home.resolve("datasets").resolve(digest).resolve("d.jsonl")).hasContent(line + line);
    assertThat(datasets()).containsExactly(digest);
  }

  @Test
  void upload_bad_isRefused_nothingStays() throws Exception {
    assertThat(violationsOf(() -> upload("../d.jsonl", "x"))).containsExactly("header.file_name");
    assertThat(violationsOf(() -> upload("d.exe", "x"))).containsExactly("header.file_name");
    assertThat(violationsOf(() -> upload("d.jsonl", "{broken\n")).get(0)).startsWith("d.jsonl:1:");
    errorOf(Code.INVALID_ARGUMENT, "DATASET_TOO_LARGE", () -> upload("d.jsonl", "x".repeat(1_001)));
    assertThat(datasets()).isEmpty();
  }

  @Test
  void upload_clientGoesAwayHalfWay_nothingStays() throws Exception {
    Context.CancellableContext client = Context.current().withCancellation();
    Context outer = client.attach();
    Upload upload;
    try {
      upload = new Upload("d.jsonl");
    } finally {
      client.detach(outer);
    }
    upload.send("{\"messages\":");
    awaitDatasets(1);

    client.cancel(null);

    assertThat(upload.failure().getCode()).isEqualTo(Code.CANCELLED);
    awaitDatasets(0);
  }

  @Test
  void upload_brokenOff_goesOnWhereItEnded() throws Exception {
    String content = LINE.repeat(3);
    DatasetHeader header = header("d.jsonl", content).build();
    Context.CancellableContext client = Context.current().withCancellation();
    Context outer = client.attach();
    Upload first;
    try {
      first = new Upload(header);
    } finally {
      client.detach(outer);
    }
    first.send(content.substring(0, 100));
    awaitArrived(header, 100);
    client.cancel(null);
    assertThat(first.failure().getCode()).isEqualTo(Code.CANCELLED);
    server.close();
    server = TestServer.start(home, "max-upload", "1000"); // what arrived outlives the server, too

    GetDatasetResponse there = dataset(header);
    Upload second = new Upload(header.toBuilder().setOffset(there.getSizeBytes()).build());
    second.send(content.substring(100));
    UploadDatasetResponse stored = second.finish();

    assertThat(there.getComplete()).isFalse();
    assertThat(there.getSizeBytes()).isEqualTo(100);
    assertThat(stored.getDialogues()).isEqualTo(3);
    assertThat(stored.getDataset()).isEqualTo("sha256:" + header.getSha256());
    assertThat(home.resolve("datasets").resolve(header.getSha256()).resolve("d.jsonl"))
        .hasContent(content);
    assertThat(datasets()).containsExactly(header.getSha256());
    assertThat(dataset(header).getComplete()).isTrue();
    assertThat(dataset(header).getFileName()).isEqualTo("d.jsonl");
  }

  @Test
  void upload_ofWhatIsThere_sendsNothingAndKeepsItsName() throws Exception {
    upload("d.jsonl", LINE);
    DatasetHeader known = header("other.ndjson.gz", LINE).setOffset(LINE.length()).build();

    UploadDatasetResponse again = new Upload(known).finish();

    assertThat(again.getFileName()).isEqualTo("d.jsonl");
    assertThat(again.getDialogues()).isEqualTo(1);
    assertThat(datasets()).hasSize(1);
    errorOf(
        Code.FAILED_PRECONDITION,
        "DATASET_OTHER_FORMAT",
        () -> new Upload(known.toBuilder().setFileName("d.csv").build()).finish());
  }

  @Test
  void upload_secondCallForTheSameDigest_endsTheFirst() throws Exception {
    DatasetHeader header = header("d.jsonl", LINE).build();
    Upload first = new Upload(header);
    first.send(LINE.substring(0, 10));
    awaitArrived(header, 10);

    Upload second = new Upload(header.toBuilder().setOffset(10).build());
    second.send(LINE.substring(10));

    assertThat(second.finish().getDialogues()).isEqualTo(1);
    assertThat(first.failure().getCode()).isEqualTo(Code.ABORTED);
  }

  @Test
  void upload_wrongHeader_isRefused() throws Exception {
    DatasetHeader good = header("d.jsonl", LINE).build();
    errorOf(
        Code.FAILED_PRECONDITION,
        "DATASET_OFFSET",
        () -> new Upload(good.toBuilder().setOffset(5).build()).finish());
    errorOf(
        Code.INVALID_ARGUMENT,
        "DATASET_TOO_LARGE",
        () -> new Upload(good.toBuilder().setSizeBytes(1_001).build()).finish());
    assertThat(
            violationsOf(
                () -> {
                  Upload upload = new Upload(good.toBuilder().setSizeBytes(7).build());
                  upload.send(LINE);
                  upload.finish();
                }))
        .containsExactly("header.size_bytes");
    assertThat(
            violationsOf(
                () -> new Upload(good.toBuilder().clearSha256().setOffset(1).build()).finish()))
        .containsExactly("header.offset");
    assertThat(
            violationsOf(
                () -> {
                  Upload upload = new Upload(good.toBuilder().clearSizeBytes().build());
                  upload.send(LINE + LINE);
                  upload.finish();
                }))
        .containsExactly("header.sha256");
    errorOf(Code.NOT_FOUND, "DATASET_NOT_FOUND", () -> dataset(good));
    assertThat(
            violationsOf(
                () ->
                    server
                        .training()
                        .getDataset(GetDatasetRequest.newBuilder().setDataset("d").build())))
        .containsExactly("dataset");
  }

  private static final String LINE =
      "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},"
          + "{\"role\":\"assistant\",\"content\":\"hello\"}]}\n";

  private static DatasetHeader.Builder header(String name, String content) throws Exception {
    byte[] bytes = content.getBytes(StandardCharsets.UTF_8);
    return DatasetHeader.newBuilder()
        .setFileName(name)
        .setSizeBytes(bytes.length)
        .setSha256(HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes)));
  }

  private GetDatasetResponse dataset(DatasetHeader header) {
    return server
        .training()
        .getDataset(
            GetDatasetRequest.newBuilder().setDataset("sha256:" + header.getSha256()).build());
  }

  /** Waits for bytes on disk, which nothing announces. */
  private void awaitArrived(DatasetHeader header, long size) throws Exception {
    Path file = home.resolve("datasets/.partial-" + header.getSha256()).resolve("bytes");
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while ((!Files.exists(file) || Files.size(file) < size) && System.nanoTime() < end) {
      Thread.onSpinWait();
    }
    assertThat(Files.size(file)).isEqualTo(size);
  }

  private Iterator<TrainResponse> trainAs(Context.CancellableContext client) {
    Context outer = client.attach();
    try {
      return server.training().train(TestJobs.endless("a").build());
    } finally {
      client.detach(outer);
    }
  }

  /** Waits for a change on disk that nothing announces. */
  private void awaitDatasets(int count) throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (datasets().size() != count && System.nanoTime() < end) {
      Thread.onSpinWait();
    }
    assertThat(datasets()).hasSize(count);
  }

  private List<String> datasets() throws Exception {
    try (Stream<Path> entries = Files.list(home.resolve("datasets"))) {
      return entries.map(entry -> entry.getFileName().toString()).toList();
    }
  }

  private UploadDatasetResponse upload(String name, String... chunks) throws Exception {
    Upload upload = new Upload(name);
    for (String chunk : chunks) {
      upload.send(chunk);
    }
    return upload.finish();
  }

  private final class Upload implements StreamObserver<UploadDatasetResponse> {
    private final CompletableFuture<UploadDatasetResponse> response = new CompletableFuture<>();
    private final StreamObserver<UploadDatasetRequest> requests;

    Upload(String name) {
      this(DatasetHeader.newBuilder().setFileName(name).build());
    }

    Upload(DatasetHeader header) {
      requests = TrainingServiceGrpc.newStub(server.channel()).uploadDataset(this);
      requests.onNext(UploadDatasetRequest.newBuilder().setHeader(header).build());
    }

    void send(String chunk) {
      ByteString bytes = ByteString.copyFrom(chunk, StandardCharsets.UTF_8);
      requests.onNext(UploadDatasetRequest.newBuilder().setChunk(bytes).build());
    }

    UploadDatasetResponse finish() throws Exception {
      requests.onCompleted();
      Status failure =
          response.handle((r, e) -> e == null ? Status.OK : Status.fromThrowable(e)).get();
      if (!failure.isOk()) {
        throw (StatusRuntimeException) error();
      }
      return response.get();
    }

    Status failure() throws Exception {
      return response.handle((r, e) -> e == null ? Status.OK : Status.fromThrowable(e)).get();
    }

    private Throwable error() {
      return response.handle((r, e) -> e).join();
    }

    @Override
    public void onNext(UploadDatasetResponse value) {
      response.complete(value);
    }

    @Override
    public void onError(Throwable e) {
      response.completeExceptionally(e);
    }

    @Override
    public void onCompleted() {}
  }

  private static void awaitStep(Iterator<TrainResponse> updates) {
    while (updates.hasNext()) {
      if (updates.next().getUpdate().hasStep()) {
        return;
      }
    }
    throw new AssertionError("the job ended without a step");
  }

  private static TrainingUpdate awaitUpdate(
      Iterator<TrainResponse> updates, Predicate<TrainingUpdate> wanted) {
    while (updates.hasNext()) {
      TrainingUpdate update = updates.next().getUpdate();
      if (wanted.test(update)) {
        return update;
      }
    }
    throw new AssertionError("the job ended without it");
  }

  private TrainingJob resume(String id) {
    return server
        .training()
        .resumeTrainingJob(ResumeTrainingJobRequest.newBuilder().setJobId(id).build())
        .getJob();
  }

  private static TrainingUpdate last(Iterator<TrainResponse> updates) {
    TrainingUpdate last = TrainingUpdate.getDefaultInstance();
    while (updates.hasNext()) {
      last = updates.next().getUpdate();
    }
    return last;
  }

  private List<TrainingUpdate> watch(String id, long from) {
    List<TrainingUpdate> updates = new ArrayList<>();
    stream(id, from).forEachRemaining(updates::add);
    return updates;
  }

  private Iterator<TrainingUpdate> stream(String id, long from) {
    var responses =
        server
            .training()
            .watchTrainingJob(
                WatchTrainingJobRequest.newBuilder().setJobId(id).setFromSequence(from).build());
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return responses.hasNext();
      }

      @Override
      public TrainingUpdate next() {
        return responses.next().getUpdate();
      }
    };
  }

  private TrainingJob get(String id) {
    return server
        .training()
        .getTrainingJob(GetTrainingJobRequest.newBuilder().setJobId(id).build())
        .getJob();
  }

  private TrainingJob cancel(String id) {
    return server
        .training()
        .cancelTrainingJob(CancelTrainingJobRequest.newBuilder().setJobId(id).build())
        .getJob();
  }

  private List<TrainingJob> list() {
    return server
        .training()
        .listTrainingJobs(ListTrainingJobsRequest.getDefaultInstance())
        .getJobsList();
  }

  private ListTrainingJobsResponse page(int size, String token) {
    return server
        .training()
        .listTrainingJobs(
            ListTrainingJobsRequest.newBuilder().setPageSize(size).setPageToken(token).build());
  }
}
