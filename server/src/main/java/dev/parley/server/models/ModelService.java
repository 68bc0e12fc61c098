package dev.parley.server.models;

import com.google.rpc.BadRequest.FieldViolation;
import com.google.rpc.Code;
import dev.parley.model.registry.Canary;
import dev.parley.model.registry.ModelNotFoundException;
import dev.parley.model.registry.ModelReference;
import dev.parley.model.registry.Registry;
import dev.parley.model.registry.Rollback;
import dev.parley.model.registry.RolloutException;
import dev.parley.model.registry.VersionInUseException;
import dev.parley.server.rpc.Paging;
import dev.parley.server.rpc.RpcException;
import dev.parley.v1.DeleteModelVersionRequest;
import dev.parley.v1.DeleteModelVersionResponse;
import dev.parley.v1.EndModelCanaryRequest;
import dev.parley.v1.EndModelCanaryResponse;
import dev.parley.v1.GetModelVersionRequest;
import dev.parley.v1.GetModelVersionResponse;
import dev.parley.v1.ListModelVersionsRequest;
import dev.parley.v1.ListModelVersionsResponse;
import dev.parley.v1.ListModelsRequest;
import dev.parley.v1.ListModelsResponse;
import dev.parley.v1.Model;
import dev.parley.v1.ModelServiceGrpc;
import dev.parley.v1.RollbackModelRequest;
import dev.parley.v1.RollbackModelResponse;
import dev.parley.v1.SetModelAliasRequest;
import dev.parley.v1.SetModelAliasResponse;
import dev.parley.v1.SetModelCanaryRequest;
import dev.parley.v1.SetModelCanaryResponse;
import dev.parley.v1.WatchModelsRequest;
import dev.parley.v1.WatchModelsResponse;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The registry of models and their versions. */
public final class ModelService extends ModelServiceGrpc.ModelServiceImplBase {
  private static final Logger log = LoggerFactory.getLogger(ModelService.class);

  private final Registry registry;
  private final ModelCatalog catalog;
  private final Deployments deployments;
  private final RegistryWatch watch;
  private final Executor executor;

  /**
   * The service.
   *
   * @param executor sends changes to watchers
   */
  public ModelService(
      Registry registry,
      ModelCatalog catalog,
      Deployments deployments,
      RegistryWatch watch,
      Executor executor) {
    this.registry = registry;
    this.catalog = catalog;
    this.deployments = deployments;
    this.watch = watch;
    this.executor = executor;
  }

  @Override
  public void listModels(ListModelsRequest request, StreamObserver<ListModelsResponse> client) {
    Paging.Page<Model> page =
        Paging.page(
            "models",
            catalog.models(),
            Model::getName,
            request.getPageSize(),
            request.getPageToken());
    client.onNext(
        ListModelsResponse.newBuilder()
            .addAllModels(page.items())
            .setNextPageToken(page.nextToken())
            .build());
    client.onCompleted();
  }

  @Override
  public void listModelVersions(
      ListModelVersionsRequest request, StreamObserver<ListModelVersionsResponse> client) {
    String name = requireModel(request.getName());
    Paging.Page<Integer> page =
        Paging.page(
            "versions of " + name,
            catalog.versionNumbers(name),
            String::valueOf,
            request.getPageSize(),
            request.getPageToken());
    ListModelVersionsResponse.Builder response =
        ListModelVersionsResponse.newBuilder().setNextPageToken(page.nextToken());
    for (int version : page.items()) {
      response.addVersions(catalog.version(ModelReference.of(name, version)));
    }
    client.onNext(response.build());
    client.onCompleted();
  }

  @Override
  public void getModelVersion(
      GetModelVersionRequest request, StreamObserver<GetModelVersionResponse> client) {
    ModelReference reference = ModelErrors.reference("model", request.getModel());
    try {
      client.onNext(
          GetModelVersionResponse.newBuilder().setVersion(catalog.version(reference)).build());
    } catch (ModelNotFoundException e) {
      throw ModelErrors.notFound(e);
    }
    client.onCompleted();
  }

  @Override
  public void setModelAlias(
      SetModelAliasRequest request, StreamObserver<SetModelAliasResponse> client) {
    requireAlias(request);
    OptionalInt previous;
    try {
      previous = registry.setAlias(request.getName(), request.getAlias(), request.getVersion());
    } catch (ModelNotFoundException e) {
      throw ModelErrors.notFound(e);
    }
    log.info(
        "model {}@{} is version {} now",
        request.getName(),
        request.getAlias(),
        request.getVersion());
    watch.lookNow();
    SetModelAliasResponse.Builder response =
        SetModelAliasResponse.newBuilder().setModel(model(request.getName()));
    previous.ifPresent(response::setPreviousVersion);
    client.onNext(response.build());
    client.onCompleted();
  }

  @Override
  public void setModelCanary(
      SetModelCanaryRequest request, StreamObserver<SetModelCanaryResponse> client) {
    String name = request.getName();
    Canary canary = requireCanary(request);
    Optional<Canary> previous = rollout(name, () -> registry.setCanary(name, canary));
    log.info("model {}@{} is canary with share {} now", name, canary.version(), canary.share());
    watch.lookNow();
    SetModelCanaryResponse.Builder response =
        SetModelCanaryResponse.newBuilder().setModel(model(name));
    previous.map(ModelCatalog::canary).ifPresent(response::setPreviousCanary);
    client.onNext(response.build());
    client.onCompleted();
  }

  @Override
  public void endModelCanary(
      EndModelCanaryRequest request, StreamObserver<EndModelCanaryResponse> client) {
    String name = requireModel(request.getName());
    Optional<Canary> ended = registry.endCanary(name);
    ended.ifPresent(canary -> log.info("model {}@{} is no canary now", name, canary.version()));
    watch.lookNow();
    EndModelCanaryResponse.Builder response =
        EndModelCanaryResponse.newBuilder().setModel(model(name));
    ended.map(ModelCatalog::canary).ifPresent(response::setEndedCanary);
    client.onNext(response.build());
    client.onCompleted();
  }

  @Override
  public void rollbackModel(
      RollbackModelRequest request, StreamObserver<RollbackModelResponse> client) {
    String name = request.getName();
    ModelErrors.name("name", name);
    OptionalInt expected =
        request.hasExpectedVersion()
            ? OptionalInt.of(request.getExpectedVersion())
            : OptionalInt.empty();
    Rollback rollback = rollout(name, () -> registry.rollBack(name, expected));
    log.info("model {} is rolled back to version {}", name, rollback.version());
    watch.lookNow();
    RollbackModelResponse.Builder response =
        RollbackModelResponse.newBuilder().setModel(model(name));
    rollback.from().ifPresent(response::setRolledBackVersion);
    rollback.ended().map(ModelCatalog::canary).ifPresent(response::setEndedCanary);
    client.onNext(response.build());
    client.onCompleted();
  }

  private static <T> T rollout(String name, Supplier<T> change) {
    try {
      return change.get();
    } catch (ModelNotFoundException e) {
      throw ModelErrors.notFound(e);
    } catch (RolloutException e) {
      throw ModelErrors.refused(name, e);
    }
  }

  private Model model(String name) {
    return catalog.model(name).orElse(Model.getDefaultInstance());
  }

  @Override
  public void deleteModelVersion(
      DeleteModelVersionRequest request, StreamObserver<DeleteModelVersionResponse> client) {
    String name = request.getName();
    int version = request.getVersion();
    requireVersion(name, version);
    try {
      registry.resolve(ModelReference.of(name, version));
      refuseInUse(name, version);
      if (!deployments.retire(name, version)) {
        throw held(name, version, "conversations hold it; wait until they end");
      }
      registry.delete(name, version);
    } catch (ModelNotFoundException e) {
      throw ModelErrors.notFound(e);
    } catch (VersionInUseException e) {
      throw held(name, version, String.valueOf(e.getMessage()));
    }
    log.info("model {}@{} is deleted", name, version);
    watch.lookNow();
    client.onNext(DeleteModelVersionResponse.getDefaultInstance());
    client.onCompleted();
  }

  @Override
  public void watchModels(WatchModelsRequest request, StreamObserver<WatchModelsResponse> client) {
    ModelStream.start(watch, (ServerCallStreamObserver<WatchModelsResponse>) client, executor);
  }

  private String requireModel(String name) {
    ModelErrors.name("name", name);
    if (registry.versions(name).isEmpty()) {
      try {
        registry.resolve(ModelReference.of(name)); // throws what names the nearest
      } catch (ModelNotFoundException e) {
        throw ModelErrors.notFound(e);
      }
    }
    return name;
  }

  private static void requireAlias(SetModelAliasRequest request) {
    List<FieldViolation> violations = new ArrayList<>();
    ModelErrors.check("name", () -> ModelReference.of(request.getName()), violations);
    ModelErrors.check(
        "alias", () -> ModelReference.parse("model@" + request.getAlias()), violations);
    if (request.getAlias().matches("\\d+") || request.getAlias().equals(ModelReference.LATEST)) {
      violations.add(
          RpcException.violation(
              "alias", "is '%s', which means a version by itself".formatted(request.getAlias())));
    }
    if (request.getVersion() < 1) {
      violations.add(
          RpcException.violation(
              "version", "is %d, but must be at least 1".formatted(request.getVersion())));
    }
    if (!violations.isEmpty()) {
      throw RpcException.invalid(violations);
    }
  }

  private static Canary requireCanary(SetModelCanaryRequest request) {
    List<FieldViolation> violations = new ArrayList<>();
    ModelErrors.check("name", () -> ModelReference.of(request.getName()), violations);
    int version = request.getCanary().getVersion();
    double share = request.getCanary().getShare();
    if (version < 1) {
      violations.add(
          RpcException.violation(
              "canary.version", "is %d, but must be at least 1".formatted(version)));
    }
    if (!(share > 0 && share <= 1)) {
      violations.add(
          RpcException.violation(
              "canary.share",
              "is %s, but must be above 0 and at most 1, such as 0.1".formatted(share)));
    }
    if (!violations.isEmpty()) {
      throw RpcException.invalid(violations);
    }
    return new Canary(version, share);
  }

  private static void requireVersion(String name, int version) {
    List<FieldViolation> violations = new ArrayList<>();
    ModelErrors.check("name", () -> ModelReference.of(name), violations);
    if (version < 1) {
      violations.add(
          RpcException.violation("version", "is %d, but must be at least 1".formatted(version)));
    }
    if (!violations.isEmpty()) {
      throw RpcException.invalid(violations);
    }
  }

  private void refuseInUse(String name, int version) {
    if (registry.canary(name).filter(canary -> canary.version() == version).isPresent()) {
      throw held(name, version, "it is the canary; end that first");
    }
    registry
        .aliases(name)
        .forEach(
            (alias, aliased) -> {
              if (aliased == version) {
                throw held(
                    name,
                    version,
                    "its alias '%s' names it; move the alias first".formatted(alias));
              }
            });
  }

  private static RpcException held(String name, int version, String why) {
    return RpcException.of(
        Code.FAILED_PRECONDITION,
        "MODEL_VERSION_IN_USE",
        "%s@%d cannot be deleted: %s".formatted(name, version, why),
        Map.of("model", name, "version", Integer.toString(version)));
  }
}
