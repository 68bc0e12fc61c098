package dev.parley.server.ops;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageOrBuilder;
import com.google.protobuf.util.JsonFormat;
import com.google.rpc.ErrorDetailsProto;
import dev.parley.model.registry.ModelReference;
import dev.parley.server.models.ModelCatalog;
import dev.parley.server.training.TrainingJobs;
import dev.parley.v1.ListTrainingJobsResponse;
import dev.parley.v1.Model;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import tools.jackson.databind.json.JsonMapper;

/** What the dashboard reads: the contract's messages as JSON. */
final class AdminApi {
  /** Of the newest; the dashboard shows no more, gRPC pages through all. */
  private static final int JOBS = 100;

  private static final int VERSIONS = 50;
  private static final JsonFormat.Printer PRINTER =
      JsonFormat.printer()
          .usingTypeRegistry( // what the error of a job may carry
              JsonFormat.TypeRegistry.newBuilder()
                  .add(ErrorDetailsProto.getDescriptor().getMessageTypes())
                  .build())
          .includingDefaultValueFields()
          .omittingInsignificantWhitespace();

  private final ModelCatalog catalog;
  private final TrainingJobs jobs;

  AdminApi(ModelCatalog catalog, TrainingJobs jobs) {
    this.catalog = catalog;
    this.jobs = jobs;
  }

  /** {@code {"models":[{"model":Model,"versions":[ModelVersion…]}]}}, the newest versions first. */
  String models() {
    return "{\"models\":" + array(catalog.models(), this::model) + "}";
  }

  private String model(Model model) {
    List<Integer> versions =
        catalog.versionNumbers(model.getName()).stream().limit(VERSIONS).toList();
    return "{\"model\":%s,\"versions\":%s}"
        .formatted(
            json(model),
            array(
                versions,
                number -> json(catalog.version(ModelReference.of(model.getName(), number)))));
  }

  /** {@code ListTrainingJobsResponse}. */
  String jobs() {
    return json(
        ListTrainingJobsResponse.newBuilder()
            .addAllJobs(jobs.list().stream().limit(JOBS).toList())
            .build());
  }

  /** {@code TrainingJob}. */
  String job(String id) {
    return json(jobs.get(id).orElseThrow(() -> noJob(id)));
  }

  static HttpError noJob(String id) {
    return new HttpError(404, "training job '%s' does not exist; see /api/jobs".formatted(id));
  }

  String error(String message) {
    return JsonMapper.shared().writeValueAsString(Map.of("error", message));
  }

  static String json(MessageOrBuilder message) {
    try {
      return PRINTER.print(message);
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalArgumentException(e); // an Any of a type that this build does not know
    }
  }

  private static <T> String array(List<T> items, Function<T, String> json) {
    return items.stream().map(json).collect(Collectors.joining(",", "[", "]"));
  }
}
