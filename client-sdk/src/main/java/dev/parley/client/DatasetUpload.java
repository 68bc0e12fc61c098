package dev.parley.client;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import dev.parley.v1.DatasetHeader;
import dev.parley.v1.GetDatasetRequest;
import dev.parley.v1.TrainingServiceGrpc;
import dev.parley.v1.UploadDatasetRequest;
import dev.parley.v1.UploadDatasetResponse;
import io.grpc.Channel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Sends one file, as fast as the server takes it, and goes on where a lost connection ended. */
final class DatasetUpload
    implements ClientResponseObserver<UploadDatasetRequest, UploadDatasetResponse> {
  private static final int CHUNK_BYTES = 256 * 1024;
  private static final int MAX_NAME = 128;

  private final UploadProgress progress;
  private @Nullable UploadDatasetResponse response;
  private @Nullable Throwable failure;
  private boolean done;

  @SuppressWarnings("NullAway.Init") // Set in beforeStart, before anything else can happen.
  private ClientCallStreamObserver<UploadDatasetRequest> requests;

  private DatasetUpload(UploadProgress progress) {
    this.progress = progress;
  }

  /** Uploads a file; what the server has of it already is not sent again. */
  static Dataset run(Channel channel, Path file, UploadProgress progress, Backoff backoff) {
    try {
      DatasetHeader header =
          DatasetHeader.newBuilder()
              .setFileName(plainName(file))
              .setSha256(sha256(file))
              .setSizeBytes(Files.size(file))
              .build();
      long furthest = -1;
      for (int attempt = 0; ; attempt++) {
        try {
          long offset = arrived(channel, header);
          if (offset > furthest) {
            furthest = offset;
            attempt = 0; // The server answers, and some of the file has arrived.
          }
          return once(channel, file, header.toBuilder().setOffset(offset).build(), progress);
        } catch (UnavailableException e) {
          Optional<Duration> delay = backoff.delay(attempt);
          if (delay.isEmpty()) {
            throw e;
          }
          Thread.sleep(delay.get().toMillis());
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot read " + file + ": " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Errors.local(
          Status.Code.CANCELLED, "THREAD_INTERRUPTED", "Interrupted while uploading " + file, e);
    }
  }

  /** How much of the file the server has. */
  private static long arrived(Channel channel, DatasetHeader header) {
    try {
      return TrainingServiceGrpc.newBlockingStub(channel)
          .getDataset(
              GetDatasetRequest.newBuilder().setDataset("sha256:" + header.getSha256()).build())
          .getSizeBytes();
    } catch (StatusRuntimeException e) {
      return switch (e.getStatus().getCode()) {
        case NOT_FOUND, UNIMPLEMENTED -> 0; // An older server cannot go on.
        default -> throw Errors.from(e);
      };
    }
  }

  private static Dataset once(
      Channel channel, Path file, DatasetHeader header, UploadProgress progress)
      throws IOException, InterruptedException {
    DatasetUpload upload = new DatasetUpload(progress);
    var unused = TrainingServiceGrpc.newStub(channel).uploadDataset(upload);
    try {
      return upload.send(file, header);
    } catch (IOException e) {
      upload.requests.cancel("The file cannot be read", e);
      throw e;
    } catch (InterruptedException e) {
      upload.requests.cancel("The thread was interrupted", e);
      throw e;
    }
  }

  private Dataset send(Path file, DatasetHeader header) throws IOException, InterruptedException {
    requests.onNext(UploadDatasetRequest.newBuilder().setHeader(header).build());
    long sent = header.getOffset();
    progress.sent(sent, header.getSizeBytes());
    try (InputStream in = Files.newInputStream(file)) {
      in.skipNBytes(sent);
      for (byte[] bytes = in.readNBytes(CHUNK_BYTES);
          bytes.length > 0 && awaitReady();
          bytes = in.readNBytes(CHUNK_BYTES)) {
        ByteString chunk = UnsafeByteOperations.unsafeWrap(bytes); // Never written to again.
        requests.onNext(UploadDatasetRequest.newBuilder().setChunk(chunk).build());
        sent += bytes.length;
        progress.sent(sent, header.getSizeBytes());
      }
    }
    return awaitResponse();
  }

  /** The file's name as a server takes it: its ending tells the format, the rest is for people. */
  static String plainName(Path file) {
    String name = String.valueOf(file.getFileName()).replaceAll("[^A-Za-z0-9._-]", "_");
    String begun = name.matches("[._-].*") ? "_" + name : name;
    return begun.length() <= MAX_NAME
        ? begun
        : "_" + begun.substring(begun.length() - MAX_NAME + 1);
  }

  /** False: the server has ended the call. */
  private synchronized boolean awaitReady() throws InterruptedException {
    while (!done && !requests.isReady()) {
      wait();
    }
    return !done;
  }

  private Dataset awaitResponse() throws InterruptedException {
    synchronized (this) {
      if (done) {
        return result();
      }
    }
    requests.onCompleted();
    synchronized (this) {
      while (!done) {
        wait();
      }
      return result();
    }
  }

  private Dataset result() {
    if (failure != null) {
      throw Errors.from(failure);
    }
    if (response == null) {
      throw Errors.local(
          Status.Code.INTERNAL, "TRUNCATED", "The server ended the upload without a word", null);
    }
    return new Dataset(response.getDataset(), response.getSizeBytes(), response.getDialogues());
  }

  @Override
  public void beforeStart(ClientCallStreamObserver<UploadDatasetRequest> requestStream) {
    requests = requestStream;
    requestStream.setOnReadyHandler(this::wake);
  }

  @Override
  public synchronized void onNext(UploadDatasetResponse response) {
    this.response = response;
  }

  @Override
  public synchronized void onError(Throwable failure) {
    this.failure = failure;
    done = true;
    notifyAll();
  }

  @Override
  public synchronized void onCompleted() {
    done = true;
    notifyAll();
  }

  private synchronized void wake() {
    notifyAll();
  }

  private static String sha256(Path file) throws IOException {
    try (DigestInputStream in =
        new DigestInputStream(Files.newInputStream(file), MessageDigest.getInstance("SHA-256"))) {
      byte[] buffer = new byte[CHUNK_BYTES];
      int read;
      do {
        read = in.read(buffer);
      } while (read >= 0);
      return HexFormat.of().formatHex(in.getMessageDigest().digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("Every JDK has SHA-256", e);
    }
  }
}
