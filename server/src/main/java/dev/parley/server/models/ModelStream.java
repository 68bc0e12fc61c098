package dev.parley.server.models;

import dev.parley.server.rpc.StreamPump;
import dev.parley.v1.Model;
import dev.parley.v1.ModelServiceGrpc;
import dev.parley.v1.WatchModelsResponse;
import io.grpc.stub.ServerCallStreamObserver;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;

/**
 * Sends one client every model, then each that changes. A client that is slow gets the latest state
 * of a model, not every state in between, so that nothing piles up.
 */
final class ModelStream {
  private final RegistryWatch registry;
  private final ServerCallStreamObserver<WatchModelsResponse> client;
  private final Map<String, Model> sent = new HashMap<>();

  private ModelStream(
      RegistryWatch registry, ServerCallStreamObserver<WatchModelsResponse> client) {
    this.registry = registry;
    this.client = client;
  }

  static void start(
      RegistryWatch registry,
      ServerCallStreamObserver<WatchModelsResponse> client,
      Executor executor) {
    ModelStream stream = new ModelStream(registry, client);
    StreamPump.start(
        client,
        executor,
        ModelServiceGrpc.getWatchModelsMethod().getFullMethodName(),
        registry.changes(),
        stream::send);
  }

  private boolean send() {
    List<Model> models = registry.models();
    for (Model model : models) {
      if (!client.isReady() || client.isCancelled()) {
        return true;
      }
      if (!model.equals(sent.put(model.getName(), model))) {
        client.onNext(WatchModelsResponse.newBuilder().setModel(model).build());
      }
    }
    return true;
  }
}
