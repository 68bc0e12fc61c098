package dev.parley.model.registry;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import dev.parley.model.checkpoint.Gpt2Checkpoint;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Gpt2Weights;
import dev.parley.model.text.Gpt2Vocabulary;
import dev.parley.model.torch.Torch;
import java.io.IOException;
import java.util.OptionalInt;

/** Models that have learnt nothing: a shape, seeded initial weights and GPT-2's own vocabulary. */
public final class RandomBase {
  private RandomBase() {}

  /**
   * Registers one as a new version.
   *
   * @param model its name
   * @param config with GPT-2's vocabulary
   * @param seed the same seed makes the same weights
   * @throws RegistryException if the model's versions are backward ones
   */
  public static RegisteredVersion create(
      Registry registry, String model, Gpt2Config config, long seed) {
    return create(registry, model, config, seed, "random", OptionalInt.empty());
  }

  /**
   * As above.
   *
   * @param origin for the lineage
   * @param version the number that it has to get; if it is taken, that version is the result
   */
  static RegisteredVersion create(
      Registry registry,
      String model,
      Gpt2Config config,
      long seed,
      String origin,
      OptionalInt version) {
    if (config.vocabularySize() != Gpt2Config.GPT2_VOCABULARY_SIZE) {
      throw new IllegalArgumentException(
          "vocab_size is %d, but GPT-2's vocabulary has %d tokens"
              .formatted(config.vocabularySize(), Gpt2Config.GPT2_VOCABULARY_SIZE));
    }
    if (registry.direction(model).filter(present -> present != Direction.FORWARD).isPresent()) {
      throw new RegistryException(
          "the versions of '%s' read turns backward, a new model reads them forward: give it another name"
              .formatted(model));
    }
    try (StagedVersion staged = registry.stage(model);
        NDManager scope = Torch.newScope(Device.cpu());
        Gpt2Weights weights = Gpt2Weights.random(config, seed, scope)) {
      Gpt2Checkpoint.write(staged.directory(), weights);
      Gpt2Vocabulary.write(staged.directory());
      return staged.publish(Lineage.untrained(origin, "", "", Direction.FORWARD, seed), version);
    } catch (IOException e) {
      throw RegistryException.of("make '%s'".formatted(model), registry.root(), e);
    }
  }
}
