package dev.parley.cli;

import dev.parley.client.AliasChange;
import dev.parley.model.registry.ModelReference;
import dev.parley.model.registry.RegisteredVersion;
import java.util.OptionalInt;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** {@code parley models promote}. */
@Command(
    name = "promote",
    description = "Makes a version what new conversations get.",
    mixinStandardHelpOptions = true)
final class ModelsPromoteCommand implements Runnable {
  @ParentCommand
  @SuppressWarnings("NullAway.Init") // set by picocli
  private ModelsCommand models;

  @Mixin private ModelPlace place = new ModelPlace();

  @Parameters(paramLabel = "MODEL@VERSION")
  private String reference = "";

  @Option(names = "--alias", defaultValue = ModelReference.DEFAULT)
  private String alias = ModelReference.DEFAULT;

  @Option(names = "--json")
  private boolean json;

  private record Change(String model, int version, OptionalInt previous) {}

  @Override
  public void run() {
    ModelReference wanted = UsageException.unlessValid(() -> ModelReference.parse(reference));
    Change change =
        place.on(
            registry -> {
              RegisteredVersion version = registry.resolve(wanted);
              return new Change(
                  version.model(),
                  version.version(),
                  registry.setAlias(version.model(), alias, version.version()));
            },
            server -> {
              int version = server.get(reference).version();
              AliasChange done = server.setAlias(wanted.name(), alias, version);
              return new Change(wanted.name(), version, done.previousVersion());
            });
    RolloutView.aliasMoved(
        models.output(json), change.model(), alias, change.version(), change.previous());
  }
}
