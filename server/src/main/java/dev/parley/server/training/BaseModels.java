package dev.parley.server.training;

/** Knows which models training can start from. */
@FunctionalInterface
public interface BaseModels {
  /**
   * Checks that a model is there.
   *
   * @param reference of the registry, or a directory in Hugging Face layout
   * @throws dev.parley.server.rpc.RpcException NOT_FOUND
   */
  void check(String reference);
}
