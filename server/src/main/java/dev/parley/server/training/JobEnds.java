package dev.parley.server.training;

import com.google.protobuf.Any;
import com.google.rpc.Code;
import com.google.rpc.ErrorInfo;
import com.google.rpc.Status;
import dev.parley.server.rpc.RpcException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;

/** Why a job ended that could not say so itself. */
final class JobEnds {
  private static final int LOG_BYTES = 4_096;
  private static final int LOG_LINES = 20;

  private JobEnds() {}

  /** The process is gone and left no last update. */
  static Status died(OptionalInt exitCode, Path trainerLog) {
    if (exitCode.isEmpty()) {
      return status(
          "TRAINER_LOST", "the trainer ended while no server looked on" + lastLines(trainerLog));
    }
    int code = exitCode.getAsInt();
    String signal = code > 128 ? " (signal %d)".formatted(code - 128) : "";
    String hint = code == 137 ? "; the system may have run out of memory" : "";
    return status(
        "TRAINER_DIED",
        "the trainer ended with exit code %d%s and no last word%s%s"
            .formatted(code, signal, hint, lastLines(trainerLog)));
  }

  /** The process died again and again. */
  static Status givenUp(int deaths, Status last) {
    return last.toBuilder()
        .setMessage(
            "the trainer died %d times without a new checkpoint in between; the last time: %s"
                .formatted(deaths, last.getMessage()))
        .build();
  }

  /** The process could not be started. */
  static Status notStarted(RuntimeException e) {
    return status("TRAINER_NOT_STARTED", String.valueOf(e.getMessage()));
  }

  private static Status status(String reason, String message) {
    ErrorInfo info =
        ErrorInfo.newBuilder().setReason(reason).setDomain(RpcException.DOMAIN).build();
    return Status.newBuilder()
        .setCode(Code.INTERNAL_VALUE)
        .setMessage(message)
        .addDetails(Any.pack(info))
        .build();
  }

  private static String lastLines(Path trainerLog) {
    if (!Files.exists(trainerLog)) {
      return "";
    }
    try (RandomAccessFile file = new RandomAccessFile(trainerLog.toFile(), "r")) {
      file.seek(Math.max(0, file.length() - LOG_BYTES));
      byte[] bytes = new byte[(int) (file.length() - file.getFilePointer())];
      file.readFully(bytes);
      List<String> lines = new String(bytes, StandardCharsets.UTF_8).lines().toList();
      if (lines.isEmpty()) {
        return "";
      }
      List<String> last = lines.subList(Math.max(0, lines.size() - LOG_LINES), lines.size());
      return "; the end of its log:\n" + String.join("\n", last);
    } catch (IOException e) {
      return "; its log cannot be read: " + e.getMessage();
    }
  }
}
