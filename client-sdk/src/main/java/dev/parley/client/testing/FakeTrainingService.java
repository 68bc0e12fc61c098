package dev.parley.client.testing;

import com.google.protobuf.ByteString;
import dev.parley.v1.CancelTrainingJobRequest;
import dev.parley.v1.CancelTrainingJobResponse;
import dev.parley.v1.DatasetHeader;
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
import dev.parley.v1.UploadDatasetRequest;
import dev.parley.v1.UploadDatasetResponse;
import dev.parley.v1.WatchTrainingJobRequest;
import dev.parley.v1.WatchTrainingJobResponse;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The scripted TrainingService of a {@link FakeParleyServer}, and what it has seen. */
final class FakeTrainingService extends TrainingServiceGrpc.TrainingServiceImplBase {
  private final FakeModelService models;
  private final Deque<FakeTraining> scripts = new ArrayDeque<>();
  private final Deque<FakeError> refusals = new ArrayDeque<>();
  private final Map<String, FakeJob> jobs = new LinkedHashMap<>();
  private final Map<String, FakeJob> byKey = new HashMap<>();
  private final List<TrainRequest> requests = new ArrayList<>();
  private final Map<String, ByteString> datasets = new HashMap<>();
  private final Map<String, ByteString> partial = new HashMap<>();
  private long uploadBreaksAfter = Long.MAX_VALUE;
  private int pageSize = 50;

  FakeTrainingService(FakeModelService models) {
    this.models = models;
  }

  synchronized void script(FakeTraining script) {
    scripts.add(script);
  }

  synchronized void refuse(FakeError error) {
    refusals.add(error);
  }

  synchronized void breakUpload(long bytes) {
    uploadBreaksAfter = bytes;
  }

  synchronized void pageSize(int items) {
    pageSize = items;
  }

  synchronized List<TrainRequest> requests() {
    return List.copyOf(requests);
  }

  synchronized Map<String, ByteString> datasets() {
    return Map.copyOf(datasets);
  }

  @Override
  public void train(TrainRequest request, StreamObserver<TrainResponse> responses) {
    FakeJob job;
    synchronized (this) {
      requests.add(request);
      FakeError refusal = refusals.poll();
      if (refusal != null) {
        responses.onError(refusal.toException());
        return;
      }
      job = byKey.get(request.getIdempotencyKey());
      if (job == null) {
        job = create(request);
      }
    }
    job.watch(
        (ServerCallStreamObserver<TrainResponse>) responses,
        1,
        update -> responses.onNext(TrainResponse.newBuilder().setUpdate(update).build()));
  }

  private FakeJob create(TrainRequest request) {
    FakeTraining script = scripts.poll();
    String id = "job-" + (jobs.size() + 1);
    FakeJob job =
        new FakeJob(
            id,
            request,
            script == null ? FakeTraining.starting(1).step(1, 1).finished(2, 1) : script,
            models::addVersion);
    jobs.put(id, job);
    if (!request.getIdempotencyKey().isEmpty()) {
      byKey.put(request.getIdempotencyKey(), job);
    }
    return job;
  }

  @Override
  public void watchTrainingJob(
      WatchTrainingJobRequest request, StreamObserver<WatchTrainingJobResponse> responses) {
    FakeJob job = find(request.getJobId(), responses);
    if (job != null) {
      job.watch(
          (ServerCallStreamObserver<WatchTrainingJobResponse>) responses,
          request.getFromSequence(),
          update ->
              responses.onNext(WatchTrainingJobResponse.newBuilder().setUpdate(update).build()));
    }
  }

  @Override
  public void getTrainingJob(
      GetTrainingJobRequest request, StreamObserver<GetTrainingJobResponse> responses) {
    FakeJob job = find(request.getJobId(), responses);
    if (job != null) {
      responses.onNext(GetTrainingJobResponse.newBuilder().setJob(job.job()).build());
      responses.onCompleted();
    }
  }

  @Override
  public synchronized void listTrainingJobs(
      ListTrainingJobsRequest request, StreamObserver<ListTrainingJobsResponse> responses) {
    List<TrainingJob> all = new ArrayList<>(jobs.values().stream().map(FakeJob::job).toList());
    Collections.reverse(all);
    int from = request.getPageToken().isEmpty() ? 0 : Integer.parseInt(request.getPageToken());
    int to = Math.min(all.size(), from + pageSize);
    responses.onNext(
        ListTrainingJobsResponse.newBuilder()
            .addAllJobs(all.subList(from, to))
            .setNextPageToken(to == all.size() ? "" : Integer.toString(to))
            .build());
    responses.onCompleted();
  }

  @Override
  public void cancelTrainingJob(
      CancelTrainingJobRequest request, StreamObserver<CancelTrainingJobResponse> responses) {
    FakeJob job = find(request.getJobId(), responses);
    if (job != null) {
      job.cancel();
      responses.onNext(CancelTrainingJobResponse.newBuilder().setJob(job.job()).build());
      responses.onCompleted();
    }
  }

  @Override
  public synchronized void getDataset(
      GetDatasetRequest request, StreamObserver<GetDatasetResponse> responses) {
    String digest = request.getDataset();
    ByteString bytes = datasets.getOrDefault(digest, partial.get(digest));
    if (bytes == null) {
      responses.onError(
          FakeError.of(Status.Code.NOT_FOUND, "DATASET_NOT_FOUND", "There is no " + digest)
              .toException());
      return;
    }
    responses.onNext(
        GetDatasetResponse.newBuilder()
            .setDataset(digest)
            .setComplete(datasets.containsKey(digest))
            .setSizeBytes(bytes.size())
            .build());
    responses.onCompleted();
  }

  @Override
  public void resumeTrainingJob(
      ResumeTrainingJobRequest request, StreamObserver<ResumeTrainingJobResponse> responses) {
    FakeJob job = find(request.getJobId(), responses);
    if (job == null) {
      return;
    }
    if (!job.resume()) {
      responses.onError(
          FakeError.of(
                  Status.Code.FAILED_PRECONDITION,
                  "TRAINING_JOB_NOT_INTERRUPTED",
                  request.getJobId() + " is not interrupted")
              .toException());
      return;
    }
    responses.onNext(ResumeTrainingJobResponse.newBuilder().setJob(job.job()).build());
    responses.onCompleted();
  }

  @Override
  public StreamObserver<UploadDatasetRequest> uploadDataset(
      StreamObserver<UploadDatasetResponse> responses) {
    return new StreamObserver<>() {
      private DatasetHeader header = DatasetHeader.getDefaultInstance();
      private ByteString bytes = ByteString.EMPTY;
      private boolean broken;

      @Override
      public void onNext(UploadDatasetRequest request) {
        synchronized (FakeTrainingService.this) {
          if (request.hasHeader()) {
            header = request.getHeader();
            ByteString there =
                datasets.getOrDefault(digest(), partial.getOrDefault(digest(), ByteString.EMPTY));
            bytes = there.substring(0, (int) header.getOffset());
          } else if (!broken) {
            bytes = bytes.concat(request.getChunk());
            partial.put(digest(), bytes);
            if (bytes.size() > uploadBreaksAfter) {
              uploadBreaksAfter = Long.MAX_VALUE;
              broken = true;
              responses.onError(
                  FakeError.of(Status.Code.UNAVAILABLE, "LOST", "The connection is lost")
                      .toException());
            }
          }
        }
      }

      @Override
      public void onError(Throwable cancelled) {}

      @Override
      public void onCompleted() {
        if (broken) {
          return;
        }
        String digest = "sha256:" + sha256(bytes);
        synchronized (FakeTrainingService.this) {
          datasets.put(digest, bytes);
        }
        responses.onNext(
            UploadDatasetResponse.newBuilder()
                .setDataset(digest)
                .setSizeBytes(bytes.size())
                .setDialogues((int) bytes.toStringUtf8().lines().count())
                .setFileName(header.getFileName())
                .build());
        responses.onCompleted();
      }

      private String digest() {
        return "sha256:" + header.getSha256();
      }
    };
  }

  private synchronized @Nullable FakeJob find(String id, StreamObserver<?> responses) {
    FakeError refusal = refusals.poll();
    if (refusal != null) {
      responses.onError(refusal.toException());
      return null;
    }
    FakeJob job = jobs.get(id);
    if (job == null) {
      responses.onError(
          FakeError.of(Status.Code.NOT_FOUND, "JOB_NOT_FOUND", "There is no job " + id)
              .toException());
    }
    return job;
  }

  private static String sha256(ByteString bytes) {
    try {
      return HexFormat.of()
          .formatHex(MessageDigest.getInstance("SHA-256").digest(bytes.toByteArray()));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("Every JDK has SHA-256", e);
    }
  }
}
