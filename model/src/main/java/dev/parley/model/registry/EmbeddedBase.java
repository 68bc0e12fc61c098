package dev.parley.model.registry;

import dev.parley.model.gpt2.Gpt2Config;
import java.util.OptionalInt;

/**
 * The base model that is always there: a small GPT-2 with seeded initial weights and GPT-2's own
 * vocabulary, made on this machine. It has learnt nothing; it is there to be trained.
 */
public final class EmbeddedBase {
  /** Its name in the registry. */
  public static final String NAME = "parley-tiny";

  private static final int VERSION = 1;
  private static final String SHAPE = "tiny";
  private static final long SEED = 20_260_101;

  private EmbeddedBase() {}

  /**
   * Version 1 of {@value #NAME}, made and registered if it is not there. Any number of processes
   * may ask at once: they get the same version.
   */
  public static RegisteredVersion ensure(Registry registry) {
    if (registry.versions(NAME).contains(VERSION)) {
      return registry.resolve(ModelReference.of(NAME, VERSION));
    }
    return RandomBase.create(
        registry, NAME, Gpt2Config.shape(SHAPE), SEED, "embedded", OptionalInt.of(VERSION));
  }
}
