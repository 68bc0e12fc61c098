package dev.parley.server.models;

import dev.parley.model.checkpoint.CheckpointException;
import dev.parley.model.registry.ModelNotFoundException;
import dev.parley.model.registry.Registry;
import dev.parley.server.rpc.RpcException;

/** What training can start from: versions of the registry and directories on this machine. */
public final class RegistryBases {
  private final Registry registry;

  /** Bases of a registry. */
  public RegistryBases(Registry registry) {
    this.registry = registry;
  }

  /**
   * Checks that a base model is there.
   *
   * @throws RpcException NOT_FOUND
   */
  public void check(String reference) {
    try {
      registry.locate(reference);
    } catch (ModelNotFoundException e) {
      throw ModelErrors.notFound(e);
    } catch (IllegalArgumentException | CheckpointException e) {
      throw RpcException.notFound("MODEL_NOT_FOUND", String.valueOf(e.getMessage()));
    }
  }
}
