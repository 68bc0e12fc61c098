package dev.parley.server.training;

import com.google.protobuf.ByteString;
import com.google.rpc.Code;
import dev.parley.server.rpc.RpcErrors;
import dev.parley.server.rpc.RpcException;
import dev.parley.trainer.data.DialogueReader;
import dev.parley.v1.DatasetHeader;
import dev.parley.v1.TrainingServiceGrpc;
import dev.parley.v1.UploadDatasetRequest;
import dev.parley.v1.UploadDatasetResponse;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One upload: the header, then the bytes, each piece on disk before the next is asked for. When the
 * client goes away and the header named the digest, what arrived stays for a later upload to go on
 * from; otherwise nothing stays behind but a whole dataset.
 */
final class DatasetUpload implements StreamObserver<UploadDatasetRequest> {
  private static final Logger log = LoggerFactory.getLogger(DatasetUpload.class);
  private static final Pattern PLAIN_NAME = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,127}");

  private final Datasets datasets;
  private final long limit;
  private final StreamObserver<UploadDatasetResponse> client;
  private DatasetHeader header = DatasetHeader.getDefaultInstance();

  /** Whether the header has come; with it, where bytes go to, unless all of them are here. */
  private boolean begun;

  private @Nullable IncomingFile file;
  private boolean over;

  DatasetUpload(Datasets datasets, long limit, StreamObserver<UploadDatasetResponse> client) {
    this.datasets = datasets;
    this.limit = limit;
    this.client = client;
  }

  @Override
  public synchronized void onNext(UploadDatasetRequest request) {
    if (over) {
      return; // what was on its way when the upload failed
    }
    try {
      switch (request.getRequestCase()) {
        case HEADER -> begin(request.getHeader());
        case CHUNK -> write(request.getChunk());
        case REQUEST_NOT_SET ->
            throw RpcException.invalid("request", "is empty: send the header, then chunks");
      }
    } catch (IOException | RuntimeException e) {
      fail(e);
    }
  }

  private void begin(DatasetHeader given) throws IOException {
    if (begun) {
      throw RpcException.invalid("header", "comes a second time: it is sent once, and first");
    }
    check(given);
    header = given.toBuilder().setSha256(given.getSha256().toLowerCase(Locale.ROOT)).build();
    begun = true;
    if (!resumable()) {
      file = IncomingFile.open(datasets.newUpload().resolve(given.getFileName()), 0);
      return;
    }
    if (header.getOffset() > 0 && datasets.find("sha256:" + header.getSha256()).isPresent()) {
      return; // nothing is left to send
    }
    file =
        IncomingFile.open(datasets.partial().claim(header.getSha256(), this), header.getOffset());
  }

  private void check(DatasetHeader given) {
    String name = given.getFileName();
    if (!PLAIN_NAME.matcher(name).matches() || !DialogueReader.reads(name)) {
      throw RpcException.invalid(
          "header.file_name",
          "is '%s', but must be a plain name that ends in %s"
              .formatted(name, DialogueReader.endings()));
    }
    if (given.hasSha256() && !given.getSha256().matches("[0-9a-fA-F]{64}")) {
      throw RpcException.invalid("header.sha256", "must be 64 hexadecimal digits");
    }
    if (given.getOffset() < 0 || (given.getOffset() > 0 && !given.hasSha256())) {
      throw RpcException.invalid(
          "header.offset",
          "is %d, but must be at least 0, and needs sha256 to find what is here"
              .formatted(given.getOffset()));
    }
    requireWithinLimit(Math.max(given.getSizeBytes(), given.getOffset()));
  }

  private boolean resumable() {
    return !header.getSha256().isEmpty();
  }

  private void write(ByteString chunk) throws IOException {
    if (!begun) {
      throw RpcException.invalid("header", "is missing: send it before the first chunk");
    }
    if (file == null) {
      throw RpcException.invalid(
          "chunk", "is not awaited: all of %s is here".formatted(header.getSha256()));
    }
    requireWithinLimit(file.size() + chunk.size());
    file.write(chunk);
  }

  private void requireWithinLimit(long size) {
    if (size > limit) {
      throw RpcException.of(
          Code.INVALID_ARGUMENT,
          "DATASET_TOO_LARGE",
          ("the dataset is larger than %d bytes; split it, compress it with gzip, or raise the"
                  + " server's --max-upload")
              .formatted(limit),
          Map.of("limit_bytes", Long.toString(limit)));
    }
  }

  @Override
  public synchronized void onCompleted() {
    if (over) {
      return;
    }
    try {
      if (!begun) {
        throw RpcException.invalid("header", "is missing: send it before the first chunk");
      }
      Datasets.Stored stored =
          file == null
              ? datasets.stored(header.getSha256(), header.getFileName())
              : datasets.admit(file.path(), verified(file), header.getFileName());
      over = true;
      release();
      log.info("dataset sha256:{} stored: {} dialogues", stored.sha256(), stored.dialogues());
      client.onNext(
          UploadDatasetResponse.newBuilder()
              .setDataset("sha256:" + stored.sha256())
              .setSizeBytes(stored.sizeBytes())
              .setDialogues(stored.dialogues())
              .setFileName(stored.fileName())
              .build());
      client.onCompleted();
    } catch (IOException | RuntimeException e) {
      fail(e);
    }
  }

  private String verified(IncomingFile whole) throws IOException {
    String sha256 = whole.finish();
    if (header.hasSizeBytes() && header.getSizeBytes() != whole.size()) {
      throw RpcException.invalid(
          "header.size_bytes",
          "is %d, but %d bytes arrived".formatted(header.getSizeBytes(), whole.size()));
    }
    if (resumable() && !header.getSha256().equals(sha256)) {
      throw RpcException.invalid(
          "header.sha256",
          "is %s, but the bytes that arrived have %s".formatted(header.getSha256(), sha256));
    }
    return sha256;
  }

  /** Another call goes on with this upload: its client has lost this one. */
  synchronized void takenOver() {
    if (!over) {
      end(false);
      client.onError(
          RpcErrors.toStatus(
              RpcException.of(
                  Code.ABORTED,
                  "UPLOAD_TAKEN_OVER",
                  "another call uploads %s now".formatted(header.getSha256()),
                  Map.of("sha256", header.getSha256())),
              TrainingServiceGrpc.getUploadDatasetMethod().getFullMethodName()));
    }
  }

  private void fail(Exception e) {
    end(true);
    client.onError(
        RpcErrors.toStatus(e, TrainingServiceGrpc.getUploadDatasetMethod().getFullMethodName()));
  }

  /** The client went away. */
  @Override
  public synchronized void onError(Throwable cause) {
    if (!over) {
      end(!resumable());
    }
  }

  private void end(boolean discard) {
    over = true;
    try {
      if (file != null) {
        file.close();
        if (discard) {
          Datasets.discard(file.path().resolveSibling(""));
        }
      }
    } catch (IOException | RuntimeException e) {
      log.warn("an unfinished upload cannot be removed; a later start does", e);
    }
    release();
  }

  private void release() {
    if (resumable()) {
      datasets.partial().release(header.getSha256(), this);
    }
  }
}
