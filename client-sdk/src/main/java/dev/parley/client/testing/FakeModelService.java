package dev.parley.client.testing;

import dev.parley.v1.Canary;
import dev.parley.v1.DeleteModelVersionRequest;
import dev.parley.v1.DeleteModelVersionResponse;
import dev.parley.v1.DeploymentState;
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
import dev.parley.v1.ModelVersion;
import dev.parley.v1.RollbackModelRequest;
import dev.parley.v1.RollbackModelResponse;
import dev.parley.v1.ServedModel;
import dev.parley.v1.SetModelAliasRequest;
import dev.parley.v1.SetModelAliasResponse;
import dev.parley.v1.SetModelCanaryRequest;
import dev.parley.v1.SetModelCanaryResponse;
import dev.parley.v1.WatchModelsRequest;
import dev.parley.v1.WatchModelsResponse;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** The models of a {@link FakeParleyServer}: names, versions, aliases, canaries, no weights. */
final class FakeModelService extends ModelServiceGrpc.ModelServiceImplBase {
  private static final class Entry {
    private final TreeSet<Integer> versions = new TreeSet<>();
    private final Map<String, Integer> aliases = new TreeMap<>();
    private final Deque<Integer> pastDefaults = new ArrayDeque<>(); // the latest first
    private @Nullable Canary canary;

    /** Without what is deleted, and without what the default is again after a deletion. */
    void forgetPast() {
      pastDefaults.removeIf(version -> !versions.contains(version));
      while (!pastDefaults.isEmpty() && pastDefaults.peek().equals(aliases.get("default"))) {
        pastDefaults.pop();
      }
    }
  }

  /** As many as a server keeps. */
  private static final int KEPT_DEFAULTS = 20;

  private final Map<String, Entry> models = new TreeMap<>();
  private final List<ServerCallStreamObserver<WatchModelsResponse>> watchers = new ArrayList<>();
  private int pageSize = 50;

  synchronized void pageSize(int items) {
    pageSize = items;
  }

  /** Adds the next version; the first becomes the default. */
  synchronized int addVersion(String name) {
    Entry entry = models.computeIfAbsent(name, key -> new Entry());
    int version = entry.versions.isEmpty() ? 1 : entry.versions.last() + 1;
    entry.versions.add(version);
    entry.aliases.putIfAbsent("default", version);
    changed(name, entry);
    return version;
  }

  /** Null: there is no such version. */
  synchronized @Nullable ServedModel served(String reference) {
    ModelVersion version = find(reference);
    return version == null
        ? null
        : ServedModel.newBuilder()
            .setName(version.getName())
            .setVersion(version.getVersion())
            .setWeightsSha256("0".repeat(64))
            .setPrecision("fp32")
            .setDevice("cpu")
            .build();
  }

  synchronized void breakWatches(FakeError error) {
    watchers.forEach(watcher -> watcher.onError(error.toException()));
    watchers.clear();
  }

  @Override
  public synchronized void listModels(
      ListModelsRequest request, StreamObserver<ListModelsResponse> responses) {
    List<Model> all = new ArrayList<>();
    models.forEach((name, entry) -> all.add(model(name, entry)));
    int from = request.getPageToken().isEmpty() ? 0 : Integer.parseInt(request.getPageToken());
    int to = Math.min(all.size(), from + pageSize);
    responses.onNext(
        ListModelsResponse.newBuilder()
            .addAllModels(all.subList(from, to))
            .setNextPageToken(to == all.size() ? "" : Integer.toString(to))
            .build());
    responses.onCompleted();
  }

  @Override
  public synchronized void listModelVersions(
      ListModelVersionsRequest request, StreamObserver<ListModelVersionsResponse> responses) {
    Entry entry = models.get(request.getName());
    if (entry == null) {
      responses.onError(missing(request.getName()).toException());
      return;
    }
    List<ModelVersion> all = new ArrayList<>();
    entry.versions.descendingSet().forEach(v -> all.add(version(request.getName(), entry, v)));
    int from = request.getPageToken().isEmpty() ? 0 : Integer.parseInt(request.getPageToken());
    int to = Math.min(all.size(), from + pageSize);
    responses.onNext(
        ListModelVersionsResponse.newBuilder()
            .addAllVersions(all.subList(from, to))
            .setNextPageToken(to == all.size() ? "" : Integer.toString(to))
            .build());
    responses.onCompleted();
  }

  @Override
  public synchronized void getModelVersion(
      GetModelVersionRequest request, StreamObserver<GetModelVersionResponse> responses) {
    ModelVersion version = find(request.getModel());
    if (version == null) {
      responses.onError(missing(request.getModel()).toException());
      return;
    }
    responses.onNext(GetModelVersionResponse.newBuilder().setVersion(version).build());
    responses.onCompleted();
  }

  @Override
  public synchronized void setModelAlias(
      SetModelAliasRequest request, StreamObserver<SetModelAliasResponse> responses) {
    if (broken(
        responses,
        () -> {
          FakeModelRules.name(request.getName());
          FakeModelRules.alias(request.getAlias());
          FakeModelRules.version("version", request.getVersion());
        })) {
      return;
    }
    Entry entry = models.get(request.getName());
    if (entry == null || !entry.versions.contains(request.getVersion())) {
      responses.onError(missing(request.getName() + "@" + request.getVersion()).toException());
      return;
    }
    Integer previous = entry.aliases.put(request.getAlias(), request.getVersion());
    boolean moved = previous != null && previous != request.getVersion();
    if (moved && request.getAlias().equals("default")) {
      entry.pastDefaults.push(previous);
      if (entry.pastDefaults.size() > KEPT_DEFAULTS) {
        entry.pastDefaults.removeLast();
      }
      if (entry.canary != null && entry.canary.getVersion() == request.getVersion()) {
        entry.canary = null;
      }
    }
    SetModelAliasResponse.Builder response =
        SetModelAliasResponse.newBuilder().setModel(model(request.getName(), entry));
    if (previous != null) {
      response.setPreviousVersion(previous);
    }
    changed(request.getName(), entry);
    responses.onNext(response.build());
    responses.onCompleted();
  }

  @Override
  public synchronized void setModelCanary(
      SetModelCanaryRequest request, StreamObserver<SetModelCanaryResponse> responses) {
    if (broken(
        responses,
        () -> {
          FakeModelRules.name(request.getName());
          FakeModelRules.version("canary.version", request.getCanary().getVersion());
          FakeModelRules.share(request.getCanary().getShare());
        })) {
      return;
    }
    Entry entry = models.get(request.getName());
    int version = request.getCanary().getVersion();
    String reference = request.getName() + "@" + version;
    if (entry == null || !entry.versions.contains(version)) {
      responses.onError(missing(reference).toException());
    } else if (Integer.valueOf(version).equals(entry.aliases.get("default"))) {
      responses.onError(conflict("CANARY_IS_DEFAULT", reference + " is the default").toException());
    } else {
      SetModelCanaryResponse.Builder response = SetModelCanaryResponse.newBuilder();
      if (entry.canary != null) {
        response.setPreviousCanary(entry.canary);
      }
      entry.canary = request.getCanary();
      changed(request.getName(), entry);
      responses.onNext(response.setModel(model(request.getName(), entry)).build());
      responses.onCompleted();
    }
  }

  @Override
  public synchronized void endModelCanary(
      EndModelCanaryRequest request, StreamObserver<EndModelCanaryResponse> responses) {
    if (broken(responses, () -> FakeModelRules.name(request.getName()))) {
      return;
    }
    Entry entry = models.get(request.getName());
    if (entry == null) {
      responses.onError(missing(request.getName()).toException());
      return;
    }
    EndModelCanaryResponse.Builder response = EndModelCanaryResponse.newBuilder();
    if (entry.canary != null) {
      response.setEndedCanary(entry.canary);
      entry.canary = null;
      changed(request.getName(), entry);
    }
    responses.onNext(response.setModel(model(request.getName(), entry)).build());
    responses.onCompleted();
  }

  @Override
  public synchronized void rollbackModel(
      RollbackModelRequest request, StreamObserver<RollbackModelResponse> responses) {
    if (broken(responses, () -> FakeModelRules.name(request.getName()))) {
      return;
    }
    Entry entry = models.get(request.getName());
    if (entry == null) {
      responses.onError(missing(request.getName()).toException());
      return;
    }
    int present = entry.aliases.getOrDefault("default", 0);
    entry.forgetPast();
    Integer previous = entry.pastDefaults.peek();
    if (request.hasExpectedVersion() && request.getExpectedVersion() != present) {
      responses.onError(
          conflict("DEFAULT_HAS_MOVED", "The default is version " + present).toException());
    } else if (previous == null) {
      responses.onError(
          conflict("NOTHING_TO_ROLL_BACK", "The default was never another version").toException());
    } else {
      entry.pastDefaults.pop();
      entry.aliases.put("default", previous);
      RollbackModelResponse.Builder response =
          RollbackModelResponse.newBuilder().setRolledBackVersion(present);
      if (entry.canary != null) {
        response.setEndedCanary(entry.canary);
        entry.canary = null;
      }
      changed(request.getName(), entry);
      responses.onNext(response.setModel(model(request.getName(), entry)).build());
      responses.onCompleted();
    }
  }

  @Override
  public synchronized void deleteModelVersion(
      DeleteModelVersionRequest request, StreamObserver<DeleteModelVersionResponse> responses) {
    if (broken(
        responses,
        () -> {
          FakeModelRules.name(request.getName());
          FakeModelRules.version("version", request.getVersion());
        })) {
      return;
    }
    Entry entry = models.get(request.getName());
    String reference = request.getName() + "@" + request.getVersion();
    if (entry == null || !entry.versions.contains(request.getVersion())) {
      responses.onError(missing(reference).toException());
    } else if (entry.aliases.containsValue(request.getVersion())
        || (entry.canary != null && entry.canary.getVersion() == request.getVersion())) {
      responses.onError(
          FakeError.of(
                  Status.Code.FAILED_PRECONDITION,
                  "MODEL_VERSION_IN_USE",
                  reference + " has an alias or is a canary")
              .toException());
    } else {
      entry.versions.remove(request.getVersion());
      entry.forgetPast();
      changed(request.getName(), entry);
      responses.onNext(DeleteModelVersionResponse.getDefaultInstance());
      responses.onCompleted();
    }
  }

  @Override
  public synchronized void watchModels(
      WatchModelsRequest request, StreamObserver<WatchModelsResponse> responses) {
    ServerCallStreamObserver<WatchModelsResponse> watcher =
        (ServerCallStreamObserver<WatchModelsResponse>) responses;
    watcher.setOnCancelHandler(() -> forget(watcher));
    watchers.add(watcher);
    models.forEach((name, entry) -> watcher.onNext(response(name, entry)));
  }

  private synchronized void forget(ServerCallStreamObserver<WatchModelsResponse> watcher) {
    watchers.remove(watcher);
  }

  private void changed(String name, Entry entry) {
    watchers.forEach(watcher -> watcher.onNext(response(name, entry)));
  }

  private static WatchModelsResponse response(String name, Entry entry) {
    return WatchModelsResponse.newBuilder().setModel(model(name, entry)).build();
  }

  private @Nullable ModelVersion find(String reference) {
    int at = reference.indexOf('@');
    String name = at < 0 ? reference : reference.substring(0, at);
    String selector = at < 0 ? "default" : reference.substring(at + 1);
    Entry entry = models.get(name);
    if (entry == null) {
      return null;
    }
    Integer version =
        selector.matches("[0-9]{1,9}") ? Integer.valueOf(selector) : entry.aliases.get(selector);
    return version == null || !entry.versions.contains(version)
        ? null
        : version(name, entry, version);
  }

  private static Model model(String name, Entry entry) {
    Model.Builder model =
        Model.newBuilder()
            .setName(name)
            .setLatestVersion(entry.versions.last())
            .setVersionCount(entry.versions.size())
            .putAllAliases(entry.aliases);
    if (entry.canary != null) {
      model.setCanary(entry.canary);
    }
    entry.pastDefaults.stream().findFirst().ifPresent(model::setPreviousDefaultVersion);
    return model.build();
  }

  private static ModelVersion version(String name, Entry entry, int version) {
    ModelVersion.Builder proto =
        ModelVersion.newBuilder()
            .setName(name)
            .setVersion(version)
            .setDeploymentState(DeploymentState.DEPLOYMENT_STATE_SERVING);
    entry.aliases.forEach(
        (alias, named) -> {
          if (named == version) {
            proto.addAliases(alias);
          }
        });
    return proto.build();
  }

  /** Whether a request breaks a rule; its client has been told then. */
  private static boolean broken(StreamObserver<?> responses, Runnable rules) {
    try {
      rules.run();
      return false;
    } catch (StatusRuntimeException e) {
      responses.onError(e);
      return true;
    }
  }

  private static FakeError conflict(String reason, String message) {
    return FakeError.of(Status.Code.FAILED_PRECONDITION, reason, message);
  }

  private static FakeError missing(String reference) {
    return FakeError.of(Status.Code.NOT_FOUND, "MODEL_NOT_FOUND", "There is no model " + reference);
  }
}
