package dev.parley.cli;

import dev.parley.cli.RolloutView.Canary;
import dev.parley.model.registry.ModelReference;
import dev.parley.model.registry.Rollback;
import java.util.Optional;
import java.util.OptionalInt;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** {@code parley models rollback}. */
@Command(
    name = "rollback",
    description = {
      "Makes the default what it was before, and ends the canary. Again, it goes a step further back."
    },
    mixinStandardHelpOptions = true)
final class ModelsRollbackCommand implements Runnable {
  @ParentCommand
  @SuppressWarnings("NullAway.Init") // set by picocli
  private ModelsCommand models;

  @Mixin private ModelPlace place = new ModelPlace();

  @Parameters(paramLabel = "MODEL")
  private String model = "";

  @Option(names = "--json")
  private boolean json;

  private record Done(int version, OptionalInt from, Optional<Canary> ended) {}

  @Override
  public void run() {
    ModelReference reference = UsageException.unlessValid(() -> ModelReference.of(model));
    Done done =
        place.on(
            registry -> {
              Rollback rollback = registry.rollBack(reference.name(), OptionalInt.empty());
              return new Done(
                  rollback.version(), rollback.from(), rollback.ended().map(Canary::of));
            },
            server -> {
              var rollback = server.rollback(reference.name());
              return new Done(
                  rollback.model().defaultVersion().orElse(0),
                  rollback.rolledBackVersion(),
                  rollback.endedCanary().map(Canary::of));
            });
    RolloutView.rolledBack(models.output(json), model, done.version(), done.from(), done.ended());
  }
}
