package dev.parley.server.training;

import com.google.rpc.BadRequest.FieldViolation;
import dev.parley.server.rpc.RpcException;
import dev.parley.trainer.data.DialogueReader;
import dev.parley.trainer.job.RequestValidation;
import dev.parley.v1.DataSource;
import dev.parley.v1.TrainRequest;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** What must hold of a TrainRequest before a job is made of it. */
final class RequestChecks {
  private final Datasets datasets;

  RequestChecks(Datasets datasets) {
    this.datasets = datasets;
  }

  /**
   * Checks every field and that its data is there.
   *
   * @throws RpcException INVALID_ARGUMENT with all problems
   */
  void check(TrainRequest request) {
    List<FieldViolation> violations = new ArrayList<>();
    RequestValidation.problems(request)
        .forEach(p -> violations.add(RpcException.violation(p.path(), p.description())));
    sources("data", request.getDataList(), violations);
    sources("evaluation_data", request.getEvaluationDataList(), violations);
    if (!violations.isEmpty()) {
      throw RpcException.invalid(violations);
    }
  }

  private void sources(String field, List<DataSource> sources, List<FieldViolation> violations) {
    for (int i = 0; i < sources.size(); i++) {
      DataSource source = sources.get(i);
      String path = "%s[%d]".formatted(field, i);
      switch (source.getSourceCase()) {
        case PATH -> file(path + ".path", source.getPath(), violations);
        case DATASET -> {
          if (source.getDataset().matches("sha256:[0-9a-f]{64}")
              && datasets.find(source.getDataset()).isEmpty()) {
            violations.add(
                RpcException.violation(
                    path + ".dataset",
                    "%s is not on this server as a whole: upload it with UploadDataset"
                        .formatted(source.getDataset())));
          }
        }
        case INLINE, SOURCE_NOT_SET -> {}
      }
    }
  }

  private static void file(String field, String path, List<FieldViolation> violations) {
    if (!DialogueReader.reads(path)) {
      return; // said already
    }
    Path file;
    try {
      file = Path.of(path);
    } catch (InvalidPathException e) {
      violations.add(
          RpcException.violation(field, "is no name of a file: %s".formatted(e.getReason())));
      return;
    }
    if (!Files.isRegularFile(file)) {
      violations.add(
          RpcException.violation(
              field,
              "'%s' is not a file on the server, whose directory is %s; give an absolute path"
                  .formatted(path, Path.of("").toAbsolutePath())));
    } else if (!Files.isReadable(file)) {
      violations.add(
          RpcException.violation(
              field,
              "'%s' cannot be read by the user that the server runs as: give that user read permission"
                  .formatted(path)));
    }
  }
}
