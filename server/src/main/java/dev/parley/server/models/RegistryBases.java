package dev.parley.server.models;

import dev.parley.model.checkpoint.CheckpointException;
import dev.parley.model.hub.Hub;
import dev.parley.model.hub.HubException;
import dev.parley.model.hub.HubId;
import dev.parley.model.registry.ModelNotFoundException;
import dev.parley.model.registry.Registry;
import dev.parley.server.rpc.RpcException;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * What training can start from: versions of the registry, directories on this machine, and models
 * of a hub, which the trainer downloads.
 */
public final class RegistryBases {
  private final Registry registry;
  private final Supplier<Hub> hub;

  /**
   * Bases of a registry and of a hub.
   *
   * @param hub opened for a model of a hub only
   */
  public RegistryBases(Registry registry, Supplier<Hub> hub) {
    this.registry = registry;
    this.hub = hub;
  }

  /**
   * Checks that a base model is there. A hub is not asked: the job says it if it has no such model.
   *
   * @throws RpcException NOT_FOUND
   */
  public void check(String reference) {
    try {
      Optional<HubId> id = HubId.meantBy(reference);
      if (id.isPresent()) {
        hub.get().check(id.get());
      } else {
        registry.locate(reference);
      }
    } catch (ModelNotFoundException e) {
      throw ModelErrors.notFound(e);
    } catch (IllegalArgumentException | CheckpointException | HubException e) {
      throw RpcException.notFound("MODEL_NOT_FOUND", String.valueOf(e.getMessage()));
    }
  }
}
