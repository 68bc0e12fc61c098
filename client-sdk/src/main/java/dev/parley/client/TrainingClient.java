package dev.parley.client;

import dev.parley.v1.CancelTrainingJobRequest;
import dev.parley.v1.GetTrainingJobRequest;
import dev.parley.v1.ListTrainingJobsRequest;
import dev.parley.v1.ListTrainingJobsResponse;
import dev.parley.v1.ResumeTrainingJobRequest;
import dev.parley.v1.TrainRequest;
import dev.parley.v1.TrainResponse;
import dev.parley.v1.TrainingServiceGrpc;
import dev.parley.v1.TrainingUpdate;
import dev.parley.v1.WatchTrainingJobRequest;
import dev.parley.v1.WatchTrainingJobResponse;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.UUID;
import java.util.concurrent.Executor;
import java.util.function.Function;
import java.util.stream.Stream;

/** Training jobs on the server. Made by {@link ParleyClient#training}; thread-safe. */
public final class TrainingClient {
  private final ParleyClient client;

  TrainingClient(ParleyClient client) {
    this.client = client;
  }

  /**
   * Starts a job and watches it: uploads the local files of the request, sends it, and returns when
   * the job exists.
   *
   * @throws InvalidRequestException if the request or its data is not valid
   * @throws ModelNotFoundException if there is no such base model
   */
  public TrainingRun start(TrainingRequest request) {
    return start(ConvertTraining.proto(uploaded(request)));
  }

  /**
   * Starts a job that is a message of the contract, for those who have one; {@link
   * TrainingRun#updates} gives the answers as such.
   *
   * @param request without an idempotency key it gets one of its own
   * @throws InvalidRequestException if the request or its data is not valid
   * @throws ModelNotFoundException if there is no such base model
   */
  public TrainingRun start(TrainRequest request) {
    TrainRequest proto =
        request.getIdempotencyKey().isEmpty()
            ? request.toBuilder().setIdempotencyKey(UUID.randomUUID().toString()).build()
            : request;
    TrainingRun run =
        run(
            "",
            0,
            (jobId, from) ->
                jobId.isEmpty()
                    // Sent again, it finds its own job by the idempotency key.
                    ? map(stub().train(proto), TrainResponse::getUpdate)
                    : watchFrom(jobId, from));
    try {
      return run.started();
    } catch (ParleyException e) {
      run.close();
      throw e;
    }
  }

  /** Watches a job from its first event on. */
  public TrainingRun watch(String jobId) {
    return watch(jobId, 1);
  }

  /**
   * Watches a job from an event on; past ones come first. That there is no such job is said by the
   * run, with {@link NotFoundException}.
   *
   * @param fromSequence the first event to see, counted from 1
   */
  public TrainingRun watch(String jobId, long fromSequence) {
    if (jobId.isEmpty()) {
      throw new IllegalArgumentException("jobId is empty; list() names the jobs");
    }
    return run(jobId, Math.max(fromSequence, 1) - 1, this::watchFrom);
  }

  /** A job as it stands. */
  public TrainingJob get(String jobId) {
    return client.unary(
        () ->
            ConvertTraining.job(
                timed()
                    .getTrainingJob(GetTrainingJobRequest.newBuilder().setJobId(jobId).build())
                    .getJob()));
  }

  /** All jobs, newest first; pages are fetched as the stream is read. */
  public Stream<TrainingJob> list() {
    return Pages.stream(
        token ->
            client.unary(
                () -> {
                  ListTrainingJobsResponse page =
                      timed()
                          .listTrainingJobs(
                              ListTrainingJobsRequest.newBuilder().setPageToken(token).build());
                  return new Pages.Page<>(
                      page.getJobsList().stream().map(ConvertTraining::job).toList(),
                      page.getNextPageToken());
                }));
  }

  /**
   * Lets an interrupted job go on from its newest checkpoint, when its turn comes.
   *
   * @throws ConflictException if it is not interrupted
   */
  public TrainingJob resume(String jobId) {
    return client.unary(
        () ->
            ConvertTraining.job(
                timed()
                    .resumeTrainingJob(
                        ResumeTrainingJobRequest.newBuilder().setJobId(jobId).build())
                    .getJob()));
  }

  /** Stops a job at its next step. One that has ended stays as it is. */
  public TrainingJob cancel(String jobId) {
    return client.unary(
        () ->
            ConvertTraining.job(
                timed()
                    .cancelTrainingJob(
                        CancelTrainingJobRequest.newBuilder().setJobId(jobId).build())
                    .getJob()));
  }

  /** {@link #uploadDataset(Path, UploadProgress)} without anyone who hears how far it is. */
  public Dataset uploadDataset(Path file) {
    return uploadDataset(file, (bytes, totalBytes) -> {});
  }

  /**
   * Stores a dialogue file on the server, under its digest. What the server has of it already, from
   * an earlier upload that broke off too, is not sent again, and a lost connection is found again.
   *
   * @param file JSONL, CSV or TSV, each also as .gz
   * @throws InvalidRequestException if the server cannot read it; names line and column
   * @throws UnavailableException if the server stays away for about two minutes
   * @throws java.io.UncheckedIOException if it cannot be read here
   */
  public Dataset uploadDataset(Path file, UploadProgress progress) {
    return DatasetUpload.run(client.channel(), file, progress, client.backoff());
  }

  Executor workers() {
    return client.threads();
  }

  private TrainingRequest uploaded(TrainingRequest request) {
    return request.mapData(
        source ->
            source instanceof TrainingData.LocalFile local
                ? TrainingData.dataset(uploadDataset(local.path()).digest())
                : source);
  }

  private TrainingRun run(String jobId, long lastSequence, TrainingRun.RunSource source) {
    TrainingRun run =
        new TrainingRun(this, jobId, lastSequence, source, client.backoff(), client::release);
    client.own(run);
    return run;
  }

  private Iterator<TrainingUpdate> watchFrom(String jobId, long fromSequence) {
    return map(
        stub()
            .watchTrainingJob(
                WatchTrainingJobRequest.newBuilder()
                    .setJobId(jobId)
                    .setFromSequence(fromSequence)
                    .build()),
        WatchTrainingJobResponse::getUpdate);
  }

  private TrainingServiceGrpc.TrainingServiceBlockingStub stub() {
    return TrainingServiceGrpc.newBlockingStub(client.channel());
  }

  private TrainingServiceGrpc.TrainingServiceBlockingStub timed() {
    return client.timed(stub());
  }

  private static <S, T> Iterator<T> map(Iterator<S> source, Function<S, T> function) {
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return source.hasNext();
      }

      @Override
      public T next() {
        return function.apply(source.next());
      }
    };
  }
}
