package dev.parley.server.training;

import dev.parley.server.rpc.Paging;
import dev.parley.server.rpc.RpcException;
import dev.parley.trainer.job.EventLog;
import dev.parley.v1.CancelTrainingJobRequest;
import dev.parley.v1.CancelTrainingJobResponse;
import dev.parley.v1.GetDatasetRequest;
import dev.parley.v1.GetDatasetResponse;
import dev.parley.v1.GetTrainingJobRequest;
import dev.parley.v1.GetTrainingJobResponse;
import dev.parley.v1.ListTrainingJobsRequest;
import dev.parley.v1.ListTrainingJobsResponse;
import dev.parley.v1.ResumeTrainingJobRequest;
import dev.parley.v1.ResumeTrainingJobResponse;
import dev.parley.v1.TrainRequest;
import dev.parley.v1.TrainResponse;
import dev.parley.v1.TrainingJob;
import dev.parley.v1.TrainingServiceGrpc;
import dev.parley.v1.TrainingUpdate;
import dev.parley.v1.UploadDatasetRequest;
import dev.parley.v1.UploadDatasetResponse;
import dev.parley.v1.WatchTrainingJobRequest;
import dev.parley.v1.WatchTrainingJobResponse;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.concurrent.Executor;
import java.util.function.Function;

/** Fine-tuning jobs, over {@link TrainingJobs} and {@link Datasets}. */
public final class TrainingService extends TrainingServiceGrpc.TrainingServiceImplBase {
  private final TrainingJobs jobs;
  private final Datasets datasets;
  private final BaseModels bases;
  private final RequestChecks checks;
  private final long maxUpload;
  private final Executor executor;

  /**
   * The service.
   *
   * @param maxUpload bytes of a dataset
   * @param executor sends updates to watchers
   */
  public TrainingService(
      TrainingJobs jobs, Datasets datasets, BaseModels bases, long maxUpload, Executor executor) {
    this.jobs = jobs;
    this.datasets = datasets;
    this.bases = bases;
    this.checks = new RequestChecks(datasets);
    this.maxUpload = maxUpload;
    this.executor = executor;
  }

  @Override
  public void train(TrainRequest request, StreamObserver<TrainResponse> client) {
    checks.check(request);
    bases.check(request.getBaseModel());
    TrainingJob job = jobs.submit(request);
    stream(
        job.getJobId(),
        1,
        client,
        update -> TrainResponse.newBuilder().setUpdate(update).build(),
        TrainingServiceGrpc.getTrainMethod().getFullMethodName());
  }

  @Override
  public void watchTrainingJob(
      WatchTrainingJobRequest request, StreamObserver<WatchTrainingJobResponse> client) {
    TrainingJob job = job(request.getJobId());
    long from = request.getFromSequence();
    if (from < 0) {
      throw RpcException.invalid("from_sequence", "is %d, but must be at least 0".formatted(from));
    }
    stream(
        job.getJobId(),
        from,
        client,
        update -> WatchTrainingJobResponse.newBuilder().setUpdate(update).build(),
        TrainingServiceGrpc.getWatchTrainingJobMethod().getFullMethodName());
  }

  private <A> void stream(
      String jobId,
      long from,
      StreamObserver<A> client,
      Function<TrainingUpdate, A> wrap,
      String method) {
    EventLog events = jobs.events(jobId).orElseThrow(() -> unknown(jobId));
    UpdateStream.start(
        jobs,
        jobId,
        events.tail(from),
        (ServerCallStreamObserver<A>) client,
        wrap,
        executor,
        method);
  }

  @Override
  public void getTrainingJob(
      GetTrainingJobRequest request, StreamObserver<GetTrainingJobResponse> client) {
    TrainingJob job = job(request.getJobId());
    client.onNext(GetTrainingJobResponse.newBuilder().setJob(job).build());
    client.onCompleted();
  }

  @Override
  public void listTrainingJobs(
      ListTrainingJobsRequest request, StreamObserver<ListTrainingJobsResponse> client) {
    Paging.Page<TrainingJob> page =
        Paging.page(
            "jobs",
            jobs.list(),
            TrainingJob::getJobId,
            request.getPageSize(),
            request.getPageToken());
    client.onNext(
        ListTrainingJobsResponse.newBuilder()
            .addAllJobs(page.items())
            .setNextPageToken(page.nextToken())
            .build());
    client.onCompleted();
  }

  @Override
  public void cancelTrainingJob(
      CancelTrainingJobRequest request, StreamObserver<CancelTrainingJobResponse> client) {
    TrainingJob job =
        jobs.cancel(request.getJobId()).orElseThrow(() -> unknown(request.getJobId()));
    client.onNext(CancelTrainingJobResponse.newBuilder().setJob(job).build());
    client.onCompleted();
  }

  @Override
  public void resumeTrainingJob(
      ResumeTrainingJobRequest request, StreamObserver<ResumeTrainingJobResponse> client) {
    TrainingJob job =
        jobs.resume(request.getJobId()).orElseThrow(() -> unknown(request.getJobId()));
    client.onNext(ResumeTrainingJobResponse.newBuilder().setJob(job).build());
    client.onCompleted();
  }

  @Override
  public StreamObserver<UploadDatasetRequest> uploadDataset(
      StreamObserver<UploadDatasetResponse> client) {
    return new DatasetUpload(datasets, maxUpload, client);
  }

  @Override
  public void getDataset(GetDatasetRequest request, StreamObserver<GetDatasetResponse> client) {
    String dataset = request.getDataset();
    if (!dataset.matches("sha256:[0-9a-f]{64}")) {
      throw RpcException.invalid(
          "dataset", "is '%s', but must be 'sha256:' and 64 hexadecimal digits".formatted(dataset));
    }
    client.onNext(
        datasets
            .describe(dataset)
            .orElseThrow(
                () ->
                    RpcException.notFound(
                        "DATASET_NOT_FOUND",
                        "%s is not on this server: upload it with UploadDataset"
                            .formatted(dataset))));
    client.onCompleted();
  }

  private TrainingJob job(String id) {
    return jobs.get(id).orElseThrow(() -> unknown(id));
  }

  private static RpcException unknown(String id) {
    return RpcException.notFound(
        "TRAINING_JOB_NOT_FOUND",
        "training job '%s' does not exist; ListTrainingJobs names those that do".formatted(id));
  }
}
