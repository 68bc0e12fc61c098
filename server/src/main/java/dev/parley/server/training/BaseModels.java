package dev.parley.server.training;

/** Knows which models training can start from. */
@FunctionalInterface
public interface BaseModels {
  /**
   * Checks that a model is there.
   *
   * @param reference of the registry, a directory in Hugging Face layout, or the id of a hub
   * @throws dev.parley.server.rpc.RpcException NOT_FOUND
   */
  void check(String reference);
}
