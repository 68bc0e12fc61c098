package dev.parley.server.training;

import com.google.protobuf.ByteString;
import com.google.rpc.Code;
import dev.parley.server.rpc.RpcErrors;
import dev.parley.server.rpc.RpcException;
import dev.parley.v1.DatasetHeader;
import dev.parley.v1.TrainingServiceGrpc;
import dev.parley.v1.UploadDatasetRequest;
import dev.parley.v1.UploadDatasetResponse;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One upload: the header, then the bytes, each piece on disk before the next is asked for. However
 * it ends, nothing stays behind but a whole dataset. Called by one thread at a time.
 */
final class DatasetUpload implements StreamObserver<UploadDatasetRequest> {
  private static final Logger log = LoggerFactory.getLogger(DatasetUpload.class);
  private static final Pattern FILE_NAME =
      Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,120}\\.(jsonl|csv|tsv)(\\.gz)?");

  private final Datasets datasets;
  private final long limit;
  private final StreamObserver<UploadDatasetResponse> client;
  private final MessageDigest digest = sha256();
  private DatasetHeader header = DatasetHeader.getDefaultInstance();
  private @Nullable Path file;
  private @Nullable FileChannel channel;
  private long size;
  private boolean over;

  DatasetUpload(Datasets datasets, long limit, StreamObserver<UploadDatasetResponse> client) {
    this.datasets = datasets;
    this.limit = limit;
    this.client = client;
  }

  @Override
  public void onNext(UploadDatasetRequest request) {
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
    if (channel != null) {
      throw RpcException.invalid("header", "comes a second time: it is sent once, and first");
    }
    if (!FILE_NAME.matcher(given.getFileName()).matches()) {
      throw RpcException.invalid(
          "header.file_name",
          "is '%s', but must be a plain name that ends in .jsonl, .csv or .tsv, each also with .gz"
              .formatted(given.getFileName()));
    }
    if (given.hasSha256() && !given.getSha256().matches("[0-9a-fA-F]{64}")) {
      throw RpcException.invalid("header.sha256", "must be 64 hexadecimal digits");
    }
    header = given;
    file = datasets.newUpload().resolve(given.getFileName());
    channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
  }

  private void write(ByteString chunk) throws IOException {
    if (channel == null) {
      throw RpcException.invalid("header", "is missing: send it before the first chunk");
    }
    size += chunk.size();
    if (size > limit) {
      throw RpcException.of(
          Code.INVALID_ARGUMENT,
          "DATASET_TOO_LARGE",
          ("the dataset is larger than %d bytes; split it, compress it with gzip, or raise the"
                  + " server's --max-upload")
              .formatted(limit),
          Map.of("limit_bytes", Long.toString(limit)));
    }
    for (ByteBuffer piece : chunk.asReadOnlyByteBufferList()) {
      digest.update(piece.duplicate());
      while (piece.hasRemaining()) {
        channel.write(piece);
      }
    }
  }

  @Override
  public void onCompleted() {
    if (over) {
      return;
    }
    try {
      UploadDatasetResponse response = admit();
      over = true;
      log.info("dataset {} stored: {} dialogues", response.getDataset(), response.getDialogues());
      client.onNext(response);
      client.onCompleted();
    } catch (IOException | RuntimeException e) {
      fail(e);
    }
  }

  private UploadDatasetResponse admit() throws IOException {
    if (channel == null || file == null) {
      throw RpcException.invalid("header", "is missing: send it before the first chunk");
    }
    channel.force(true);
    channel.close();
    String sha256 = HexFormat.of().formatHex(digest.digest());
    if (header.hasSha256() && !header.getSha256().equalsIgnoreCase(sha256)) {
      throw RpcException.invalid(
          "header.sha256",
          "is %s, but the bytes that arrived have %s".formatted(header.getSha256(), sha256));
    }
    int dialogues = datasets.admit(file, sha256);
    return UploadDatasetResponse.newBuilder()
        .setDataset("sha256:" + sha256)
        .setSizeBytes(size)
        .setDialogues(dialogues)
        .build();
  }

  private void fail(Exception e) {
    discard();
    client.onError(
        RpcErrors.toStatus(e, TrainingServiceGrpc.getUploadDatasetMethod().getFullMethodName()));
  }

  /** The client went away. */
  @Override
  public void onError(Throwable cause) {
    discard();
  }

  private void discard() {
    over = true;
    try {
      if (channel != null) {
        channel.close();
      }
      if (file != null) {
        Datasets.discard(file.resolveSibling(""));
      }
    } catch (IOException | RuntimeException e) {
      log.warn("an unfinished upload cannot be removed; the next start does", e);
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every JVM has it
    }
  }
}
