package dev.parley.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.parley.client.testing.FakeError;
import dev.parley.client.testing.FakeParleyServer;
import dev.parley.client.testing.FakeTraining;
import dev.parley.v1.DataSource;
import dev.parley.v1.TrainRequest;
import dev.parley.v1.TrainingUpdate;
import io.grpc.Status;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class TrainingClientTest {
  private static final FakeError LOST =
      FakeError.of(Status.Code.UNAVAILABLE, "DRAINING", "The server stops");

  private final FakeParleyServer server = FakeParleyServer.start();
  private final ParleyClient client =
      server
          .clientBuilder()
          .backoff(attempt -> attempt < 3 ? Optional.of(Duration.ZERO) : Optional.empty())
          .build();
  private final CompletableFuture<Void> never = new CompletableFuture<>();

  @AfterEach
  void close() {
    client.close();
    server.close();
  }

  private static TrainingRequest.Builder request() {
    return TrainingRequest.builder()
        .name("barista")
        .data(List.of(Dialogue.of("When do you open?", "At eight.")));
  }

  private static FakeTraining course() {
    return FakeTraining.starting(2)
        .evaluation(0, 4)
        .step(1, 3.5)
        .checkpoint(1, "checkpoints/1")
        .step(2, 3)
        .finished(4, 2.9);
  }

  @Test
  void start_wholeJob_everyEventOnceInOrder() {
    server.train(course());
    try (TrainingRun run = client.training().start(request().build())) {
      assertThat(run.jobId()).isEqualTo("job-1");
      List<TrainingEvent> events = run.stream().toList();

      assertThat(events)
          .extracting(TrainingEvent::sequence)
          .containsExactly(1L, 2L, 3L, 4L, 5L, 6L, 7L);
      assertThat(events.get(0)).isInstanceOf(TrainingEvent.Created.class);
      assertThat(events.get(1))
          .isInstanceOfSatisfying(
              TrainingEvent.Started.class, e -> assertThat(e.totalSteps()).isEqualTo(2));
      assertThat(events.get(2))
          .isInstanceOfSatisfying(
              TrainingEvent.Evaluation.class,
              e -> {
                assertThat(e.loss()).isEqualTo(4);
                assertThat(e.labelPolicy()).isEqualTo(LabelPolicy.REPLIES);
              });
      assertThat(events.get(3))
          .isInstanceOfSatisfying(
              TrainingEvent.Step.class, e -> assertThat(e.loss()).isEqualTo(3.5));
      assertThat(events.get(4)).isInstanceOf(TrainingEvent.Checkpoint.class);
      assertThat(events.get(6)).isInstanceOf(TrainingEvent.Finished.class);

      TrainedVersion version = run.await();
      assertThat(version.reference()).isEqualTo("barista@1");
      assertThat(version.lossAfter()).isEqualTo(2.9);
    }
    assertThat(client.chat("barista@1").open().model().version()).isEqualTo(1);
  }

  @Test
  void resume_interruptedJob_goesOn() {
    server.train(
        FakeTraining.starting(2)
            .step(1, 3.5)
            .checkpoint(1, "checkpoints/1")
            .interrupted(1, 1)
            .step(2, 3)
            .finished(4, 2.9));
    try (TrainingRun run = client.training().start(request().build())) {
      List<TrainingEvent> events = new ArrayList<>();
      for (TrainingEvent event : run) {
        events.add(event);
        if (event instanceof TrainingEvent.Interrupted) {
          assertThat(client.training().resume(run.jobId()).state())
              .isEqualTo(TrainingState.RUNNING);
        }
      }

      assertThat(events)
          .anySatisfy(
              event ->
                  assertThat(event)
                      .isInstanceOfSatisfying(
                          TrainingEvent.Resumed.class, e -> assertThat(e.step()).isEqualTo(1)));
      assertThat(run.await().version()).isEqualTo(1);
      assertThatThrownBy(() -> client.training().resume(run.jobId()))
          .isInstanceOf(ConflictException.class);
    }
  }

  @Test
  void await_withoutReading_waitsForTheVersion() {
    server.train(course());
    try (TrainingRun run = client.training().start(request().build())) {
      assertThat(run.await().version()).isEqualTo(1);
      assertThat(run.await().version()).isEqualTo(1);
    }
  }

  @Test
  void awaitAsync_jobFails_completesWithTheReason() {
    server.train(
        FakeTraining.failing(FakeError.of(Status.Code.INTERNAL, "NON_FINITE_LOSS", "Loss is NaN")));
    CompletableFuture<TrainedVersion> version =
        client.training().start(request().build()).awaitAsync();
    assertThatThrownBy(() -> Style.join(version))
        .isInstanceOf(TrainingFailedException.class)
        .hasMessage("Loss is NaN")
        .satisfies(e -> assertThat(((ParleyException) e).reason()).isEqualTo("NON_FINITE_LOSS"));
  }

  @Test
  void listen_wholeJob_hearsEventsThenVersion() {
    server.train(course());
    List<TrainingEvent> events = new ArrayList<>();
    CompletableFuture<TrainedVersion> end = new CompletableFuture<>();
    var unused = client.training().start(request().build()).listen(listener(events, end));
    assertThat(Style.join(end).reference()).isEqualTo("barista@1");
    assertThat(events).hasSize(7);
  }

  @Test
  void listen_cancelled_lastCallIsOnErrorAndJobGoesOn() {
    server.train(FakeTraining.starting(1).pausedUntil(never));
    List<TrainingEvent> events = new ArrayList<>();
    CompletableFuture<TrainedVersion> end = new CompletableFuture<>();
    TrainingRun run = client.training().start(request().build());
    Subscription subscription = run.listen(listener(events, end));
    subscription.cancel();
    assertThatThrownBy(() -> Style.join(end)).isInstanceOf(CancelledException.class);
    assertThat(subscription.isCancelled()).isTrue();
    assertThat(client.training().get("job-1").state()).isNotEqualTo(TrainingState.CANCELLED);
  }

  @Test
  void start_connectionLostTwice_repeatsAndMissesNothing() {
    server.train(
        FakeTraining.starting(3)
            .step(1, 3)
            .connectionLost()
            .step(2, 2)
            .connectionLost()
            .step(3, 1)
            .finished(3, 1));
    try (TrainingRun run = client.training().start(request().build())) {
      assertThat(run.stream().map(TrainingEvent::sequence).toList())
          .containsExactly(1L, 2L, 3L, 4L, 5L, 6L);
    }
    assertThat(server.trainRequests()).hasSize(1);
  }

  @Test
  void start_serverAwayAtFirst_sendsTheSameRequestAgain() {
    server.refuseTraining(LOST).refuseTraining(LOST);
    try (TrainingRun run = client.training().start(request().build())) {
      assertThat(run.await().reference()).isEqualTo("barista@1");
    }
    assertThat(server.trainRequests()).hasSize(3);
    assertThat(server.trainRequests().stream().map(TrainRequest::getIdempotencyKey).distinct())
        .hasSize(1);
    assertThat(client.training().list()).hasSize(1);
  }

  @Test
  void start_messageOfTheContract_sameKeyAtEachAttemptAndItsUpdates() {
    server.refuseTraining(LOST).train(course());
    TrainRequest request = TrainRequest.newBuilder().setModelName("barista").build();
    try (TrainingRun run = client.training().start(request)) {
      assertThat(run.updates())
          .extracting(TrainingUpdate::getSequence)
          .containsExactly(1L, 2L, 3L, 4L, 5L, 6L, 7L);
    }
    assertThat(server.trainRequests())
        .extracting(TrainRequest::getModelName)
        .containsOnly("barista");
    assertThat(server.trainRequests().stream().map(TrainRequest::getIdempotencyKey).distinct())
        .singleElement()
        .satisfies(key -> assertThat(key).isNotEmpty());
    assertThat(server.trainRequests()).hasSize(2);
  }

  @Test
  void start_serverStaysAway_givesUpWithItsReason() {
    for (int i = 0; i < 4; i++) {
      server.refuseTraining(LOST);
    }
    assertThatThrownBy(() -> client.training().start(request().build()))
        .isInstanceOf(UnavailableException.class)
        .hasMessage("The server stops");
    assertThat(server.trainRequests()).hasSize(4);
  }

  @Test
  void start_invalidRequest_throwsAtOnceAndOnce() {
    server.refuseTraining(FakeError.invalid("parameters.learning_rate", "is -1"));
    assertThatThrownBy(() -> client.training().start(request().build()))
        .isInstanceOf(InvalidRequestException.class);
    assertThat(server.trainRequests()).hasSize(1);
  }

  @Test
  void watch_fromTheMiddle_goesOnThere() {
    server.train(course());
    client.training().start(request().build()).await();
    try (TrainingRun run = client.training().watch("job-1", 5)) {
      assertThat(run.stream().map(TrainingEvent::sequence).toList()).containsExactly(5L, 6L, 7L);
      assertThat(run.lastSequence()).isEqualTo(7);
    }
    try (TrainingRun run = client.training().watch("job-1")) {
      List<TrainingUpdate> updates = new ArrayList<>();
      run.updates().forEach(updates::add);
      assertThat(updates).hasSize(7);
      assertThat(updates.get(0).getCreated().getRequest().getModelName()).isEqualTo("barista");
    }
  }

  @Test
  void watch_unknownJob_runThrowsNotFound() {
    try (TrainingRun run = client.training().watch("job-9")) {
      assertThatThrownBy(run::await)
          .isExactlyInstanceOf(NotFoundException.class)
          .hasMessage("There is no job job-9");
    }
  }

  @Test
  void cancel_runningJob_awaitSaysSo() {
    server.train(FakeTraining.starting(9).step(1, 3).pausedUntil(never).step(2, 2));
    try (TrainingRun run = client.training().start(request().build())) {
      Iterator<TrainingEvent> events = run.iterator();
      while (!(events.next() instanceof TrainingEvent.Step)) {}

      run.cancel();

      assertThatThrownBy(run::await)
          .isInstanceOf(TrainingCancelledException.class)
          .hasMessageContaining("job-1 was cancelled at step 1");
    }
    TrainingJob job = client.training().get("job-1");
    assertThat(job.state()).isEqualTo(TrainingState.CANCELLED);
    assertThat(job.version()).isEmpty();
    assertThat(job.loss()).hasValue(3);
  }

  @Test
  void closeRun_whileWaiting_readerGetsCancelled() {
    server.train(FakeTraining.starting(9).pausedUntil(never));
    TrainingRun run = client.training().start(request().build());
    CompletableFuture<TrainedVersion> version = run.awaitAsync();
    run.close();
    assertThatThrownBy(() -> Style.join(version)).isInstanceOf(CancelledException.class);
  }

  @Test
  void iterate_secondTime_throws() {
    try (TrainingRun run = client.training().start(request().build())) {
      run.forEach(event -> {});
      assertThatThrownBy(run::iterator).isInstanceOf(IllegalStateException.class);
    }
  }

  @Test
  void list_severalPages_allJobsNewestFirst() {
    server.pageSize(2);
    for (int i = 0; i < 5; i++) {
      client.training().start(request().build()).await();
    }
    assertThat(client.training().list().map(TrainingJob::jobId))
        .containsExactly("job-5", "job-4", "job-3", "job-2", "job-1");
    TrainingJob first = client.training().get("job-1");
    assertThat(first.state()).isEqualTo(TrainingState.FINISHED);
    assertThat(first.version()).hasValue(1);
    assertThat(first.base()).isEqualTo("parley-tiny");
  }

  @Test
  void start_everyKindOfData_reachesTheServer(@TempDir Path directory) throws Exception {
    Path file = directory.resolve("dialogues.jsonl");
    Files.writeString(file, "{}\n{}\n");
    TrainingOptions options =
        TrainingOptions.builder()
            .epochs(2)
            .learningRate(1e-4)
            .labelPolicy(LabelPolicy.ASSISTANT)
            .schedule(LearningRateSchedule.COSINE)
            .promotion(PromotionPolicy.IF_BETTER)
            .build();
    TrainingRequest request =
        TrainingRequest.builder()
            .name("barista")
            .data(file)
            .data(TrainingData.serverPath("/data/more.csv"))
            .data(
                List.of(
                    new Dialogue(
                        List.of(
                            new Dialogue.Turn("user", "a", Optional.of(false)),
                            Dialogue.Turn.of("assistant", "b")))))
            .evaluationData(TrainingData.dataset("sha256:abc"))
            .options(options)
            .samplePrompts(List.of("Hi"))
            .build();

    client.training().start(request).await();

    TrainRequest sent = server.trainRequests().get(0);
    String digest = sent.getData(0).getDataset();
    assertThat(server.datasets().get(digest)).isEqualTo(Files.readAllBytes(file));
    assertThat(sent.getData(1).getPath()).isEqualTo("/data/more.csv");
    assertThat(sent.getData(2).getInline().getDialogues(0).getTurns(0).getTrain()).isFalse();
    assertThat(sent.getData(2).getInline().getDialogues(0).getTurns(1).hasTrain()).isFalse();
    assertThat(sent.getEvaluationData(0))
        .isEqualTo(DataSource.newBuilder().setDataset("sha256:abc").build());
    assertThat(sent.getParameters()).isEqualTo(options.toProto());
    assertThat(sent.getSamplePromptsList()).containsExactly("Hi");
    assertThat(sent.getIdempotencyKey()).isEqualTo(request.idempotencyKey()).isNotEmpty();
  }

  @Test
  void uploadDataset_severalChunks_arriveWhole(@TempDir Path directory) throws Exception {
    Path file = directory.resolve("big.csv");
    Files.writeString(file, "context,response\n".repeat(60_000)); // 1 MB
    Dataset dataset = client.training().uploadDataset(file);
    assertThat(dataset.sizeBytes()).isEqualTo(Files.size(file));
    assertThat(dataset.dialogues()).isEqualTo(60_000);
    assertThat(server.datasets().get(dataset.digest())).isEqualTo(Files.readAllBytes(file));
  }

  @Test
  void uploadDataset_connectionLostHalfWay_goesOnFromThere(@TempDir Path directory)
      throws Exception {
    Path file = directory.resolve("big data (1).csv");
    Files.writeString(file, "context,response\n".repeat(60_000)); // 1 MB
    server.breakUpload(500_000);
    List<Long> sent = new ArrayList<>();

    Dataset dataset = client.training().uploadDataset(file, (bytes, total) -> sent.add(bytes));

    assertThat(server.datasets().get(dataset.digest())).isEqualTo(Files.readAllBytes(file));
    assertThat(sent.get(0)).isZero();
    assertThat(sent.get(sent.size() - 1)).isEqualTo(Files.size(file));
    assertThat(sent).filteredOn(bytes -> bytes == 0).hasSize(1); // never from the beginning again
  }

  @Test
  void uploadDataset_thatTheServerHas_isNotSentAgain(@TempDir Path directory) throws Exception {
    Path file = Files.writeString(directory.resolve("a.tsv"), "a\tb\n");
    client.training().uploadDataset(file);
    List<Long> sent = new ArrayList<>();

    Dataset dataset = client.training().uploadDataset(file, (bytes, total) -> sent.add(bytes));

    assertThat(sent).containsExactly(4L);
    assertThat(dataset.sizeBytes()).isEqualTo(4);
  }

  @Test
  void uploadDataset_oddNames_keepTheirEnding() {
    assertThat(DatasetUpload.plainName(Path.of("Größe 1.csv"))).isEqualTo("Gr__e_1.csv");
    assertThat(DatasetUpload.plainName(Path.of(".hidden.tsv.gz"))).isEqualTo("_.hidden.tsv.gz");
    assertThat(DatasetUpload.plainName(Path.of("x".repeat(300) + ".jsonl")))
        .hasSize(128)
        .endsWith("x.jsonl");
  }

  @Test
  void uploadDataset_missingFile_namesIt() {
    assertThatThrownBy(() -> client.training().uploadDataset(Path.of("no-such.csv")))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining("no-such.csv");
  }

  @Test
  void build_withoutNameOrData_saysWhatIsMissing() {
    assertThatThrownBy(() -> TrainingRequest.builder().build())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("name(..)");
    assertThatThrownBy(() -> TrainingRequest.builder().name("a").build())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("data(..)");
  }

  private static TrainingListener listener(
      List<TrainingEvent> events, CompletableFuture<TrainedVersion> end) {
    return new TrainingListener() {
      @Override
      public void onEvent(TrainingEvent event) {
        events.add(event);
      }

      @Override
      public void onFinished(TrainedVersion version) {
        end.complete(version);
      }

      @Override
      public void onError(ParleyException error) {
        end.completeExceptionally(error);
      }
    };
  }
}
