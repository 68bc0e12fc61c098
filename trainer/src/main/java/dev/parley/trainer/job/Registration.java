package dev.parley.trainer.job;

import dev.parley.model.checkpoint.Gpt2Checkpoint;
import dev.parley.model.gpt2.Gpt2Weights;
import dev.parley.model.registry.Direction;
import dev.parley.model.registry.Lineage;
import dev.parley.model.registry.ModelReference;
import dev.parley.model.registry.ParleyVersion;
import dev.parley.model.registry.RegisteredVersion;
import dev.parley.model.registry.Registry;
import dev.parley.model.registry.RegistryException;
import dev.parley.model.registry.StagedVersion;
import dev.parley.model.text.Tokenizer;
import dev.parley.trainer.loop.Outcome;
import dev.parley.v1.TrainingParameters;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.Optional;

/** Puts trained weights into the registry, with where they come from. */
record Registration(
    Registry registry,
    BaseModel base,
    String jobId,
    PreparedData data,
    TrainingParameters parameters) {

  /**
   * A model has versions of one direction: its default answers, or it ranks.
   *
   * @throws IllegalArgumentException if the model has versions that read turns the other way round
   */
  static void requireDirection(Registry registry, String model, Direction direction) {
    Optional<Direction> present = registry.direction(model);
    if (present.isPresent() && present.get() != direction) {
      throw new IllegalArgumentException(
          "model_name is %s, which has %s versions, but parameters.direction is %s; give the new model a name of its own"
              .formatted(model, present.get(), direction));
    }
  }

  /**
   * Registers the weights; if this job did so before it was interrupted, that version stays the
   * one.
   */
  RegisteredVersion register(String model, Gpt2Weights weights, Outcome.Finished finished) {
    Optional<RegisteredVersion> earlier = registered(model);
    if (earlier.isPresent()) {
      return earlier.get();
    }
    try (StagedVersion staged = registry.stage(model)) {
      Gpt2Checkpoint.write(staged.directory(), weights);
      Tokenizer.copyFiles(base.directory(), staged.directory());
      Path generation = base.directory().resolve("generation_config.json");
      if (Files.exists(generation)) { // what the base answers with, its offspring does too
        Files.copy(
            generation,
            staged.directory().resolve("generation_config.json"),
            StandardCopyOption.REPLACE_EXISTING);
      }
      return staged.publish(lineage(finished));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Optional<RegisteredVersion> registered(String model) {
    return registry.versions(model).stream()
        .map(version -> ModelReference.of(model, version))
        .flatMap(reference -> readable(reference).stream())
        .filter(version -> jobId.equals(version.manifest().lineage().jobId()))
        .findFirst();
  }

  private Optional<RegisteredVersion> readable(ModelReference reference) {
    try {
      return Optional.of(registry.resolve(reference));
    } catch (RegistryException e) { // damaged or deleted meanwhile: not this job's concern
      return Optional.empty();
    }
  }

  private Lineage lineage(Outcome.Finished finished) {
    return new Lineage(
        "trained",
        base.reference(),
        base.weightsSha256(),
        data.digest(),
        jobId,
        Recipes.byName(parameters),
        parameters.getSeed(),
        Map.of(
            "loss_before", finished.before().evaluation().loss(),
            "loss_after", finished.after().evaluation().loss(),
            "perplexity_before", finished.before().evaluation().perplexity(),
            "perplexity_after", finished.after().evaluation().perplexity(),
            "target_tokens", (double) finished.after().evaluation().targetTokens(),
            "training_dialogues", (double) data.training().dialogues(),
            "evaluation_dialogues", (double) data.evaluation().dialogues(),
            "steps", (double) finished.steps(),
            "step", (double) finished.after().step()),
        ParleyVersion.current(),
        ParleyVersion.commit());
  }
}
