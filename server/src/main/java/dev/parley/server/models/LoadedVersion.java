package dev.parley.server.models;

import dev.parley.model.text.Tokenizer;
import dev.parley.model.torch.Torch;
import dev.parley.server.engine.ChatEngine;
import dev.parley.v1.GenerationParameters;
import dev.parley.v1.ServedModel;

/**
 * A model version in memory.
 *
 * @param engine closed first: its thread uses the rest
 * @param defaults what generation_config.json says
 * @param onClose runs at the end, when nothing of it is left
 */
record LoadedVersion(
    ServedModel identity,
    Tokenizer tokenizer,
    ChatEngine engine,
    GenerationParameters defaults,
    Runnable onClose)
    implements AutoCloseable {

  /** Stops the engine; turns under way fail with UNAVAILABLE. */
  @Override
  public void close() {
    try {
      engine.close();
      tokenizer.close();
    } finally {
      Torch.trimMemory();
      onClose.run();
    }
  }
}
