package dev.parley.server.chat;

import dev.parley.model.text.Tokenizer;
import dev.parley.server.engine.ChatEngine;
import dev.parley.v1.GenerationParameters;
import dev.parley.v1.ServedModel;

/** The models that can be talked to. Thread-safe. */
public interface ServedModels {
  /**
   * Holds a version for a conversation: it is not unloaded before the lease is closed. A model's
   * name alone may lead to its canary, see {@link Lease#canary}.
   *
   * @param modelReference {@code name}, {@code name@version} or {@code name@alias}
   * @throws dev.parley.server.rpc.RpcException NOT_FOUND where there is no such model or version,
   *     UNAVAILABLE where it cannot be served now, FAILED_PRECONDITION where it is a backward model
   */
  Lease acquire(String modelReference);

  /**
   * As {@link #acquire}, for a conversation that could not begin with the canary.
   *
   * @throws dev.parley.server.rpc.RpcException as {@link #acquire}
   */
  default Lease acquireWithoutCanary(String modelReference) {
    return acquire(modelReference);
  }

  /**
   * As {@link #acquire}, for a backward model, which ranks candidates and does not answer.
   *
   * @throws dev.parley.server.rpc.RpcException as {@link #acquire}; FAILED_PRECONDITION where it is
   *     a forward model
   */
  Lease acquireBackward(String modelReference);

  /** A version that is held. */
  interface Lease extends AutoCloseable {
    /** The exact model. */
    ServedModel identity();

    /** Its tokenizer, owned by the deployment. */
    Tokenizer tokenizer();

    /** Its engine, owned by the deployment. */
    ChatEngine engine();

    /** What its generation_config.json says; empty where it is silent. */
    GenerationParameters defaults();

    /** Whether it is a canary that was chosen in the place of the default. */
    default boolean canary() {
      return false;
    }

    /** Lets go of it; a second time does nothing. */
    @Override
    void close();
  }
}
