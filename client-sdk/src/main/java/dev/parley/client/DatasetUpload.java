package dev.parley.client;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import dev.parley.v1.DatasetHeader;
import dev.parley.v1.TrainingServiceGrpc;
import dev.parley.v1.UploadDatasetRequest;
import dev.parley.v1.UploadDatasetResponse;
import io.grpc.Channel;
import io.grpc.Status;
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
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/** Sends one file, as fast as the server takes it. */
final class DatasetUpload
    implements ClientResponseObserver<UploadDatasetRequest, UploadDatasetResponse> {
  private static final int CHUNK_BYTES = 256 * 1024;

  private @Nullable UploadDatasetResponse response;
  private @Nullable Throwable failure;
  private boolean done;

  @SuppressWarnings("NullAway.Init") // Set in beforeStart, before anything else can happen.
  private ClientCallStreamObserver<UploadDatasetRequest> requests;

  private DatasetUpload() {}

  static Dataset run(Channel channel, Path file) {
    String sha256;
    try {
      sha256 = sha256(file);
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot read " + file + ": " + e.getMessage(), e);
    }
    DatasetUpload upload = new DatasetUpload();
    var unused = TrainingServiceGrpc.newStub(channel).uploadDataset(upload);
    try {
      return upload.send(file, sha256);
    } catch (IOException e) {
      upload.requests.cancel("The file cannot be read", e);
      throw new UncheckedIOException("Cannot read " + file + ": " + e.getMessage(), e);
    } catch (InterruptedException e) {
      upload.requests.cancel("The thread was interrupted", e);
      Thread.currentThread().interrupt();
      throw Errors.local(
          Status.Code.CANCELLED, "THREAD_INTERRUPTED", "Interrupted while uploading " + file, e);
    }
  }

  private Dataset send(Path file, String sha256) throws IOException, InterruptedException {
    Path name = file.getFileName();
    requests.onNext(
        UploadDatasetRequest.newBuilder()
            .setHeader(
                DatasetHeader.newBuilder()
                    .setFileName(name == null ? file.toString() : name.toString())
                    .setSha256(sha256))
            .build());
    try (InputStream in = Files.newInputStream(file)) {
      for (byte[] bytes = in.readNBytes(CHUNK_BYTES);
          bytes.length > 0 && awaitReady();
          bytes = in.readNBytes(CHUNK_BYTES)) {
        ByteString chunk = UnsafeByteOperations.unsafeWrap(bytes); // Never written to again.
        requests.onNext(UploadDatasetRequest.newBuilder().setChunk(chunk).build());
      }
    }
    return awaitResponse();
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
