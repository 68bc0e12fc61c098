package dev.parley.cli;

import dev.parley.cli.RolloutView.Canary;
import dev.parley.model.registry.ModelReference;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** {@code parley models canary}. */
@Command(
    name = "canary",
    description = {
      "Lets a version answer a share of the new conversations that name its model alone, or ends"
          + " that. Conversations keep the version that they began with; where the canary cannot"
          + " answer, the default does."
    },
    mixinStandardHelpOptions = true)
final class ModelsCanaryCommand implements Runnable {
  @ParentCommand
  @SuppressWarnings("NullAway.Init") // set by picocli
  private ModelsCommand models;

  @Mixin private ModelPlace place = new ModelPlace();

  @Parameters(paramLabel = "MODEL[@VERSION|@ALIAS]")
  private String reference = "";

  @ArgGroup(exclusive = true, multiplicity = "1")
  private Change change = new Change();

  @Option(names = "--json")
  private boolean json;

  /** One of the two. */
  static final class Change {
    @Option(
        names = "--share",
        paramLabel = "SHARE",
        description = "of the new conversations, above 0 and at most 1, such as 0.1")
    private @Nullable Double share;

    @Option(names = "--off", description = "the default gets all new conversations again")
    private boolean off;
  }

  @Override
  public void run() {
    ModelReference wanted = UsageException.unlessValid(() -> ModelReference.parse(reference));
    Double share = change.share;
    Optional<Canary> canary = change.off || share == null ? end(wanted) : begin(wanted, share);
    RolloutView.canary(models.output(json), wanted.name(), canary);
  }

  private Optional<Canary> begin(ModelReference wanted, double share) {
    if (wanted.version().isEmpty() && wanted.alias().isEmpty()) {
      throw new UsageException(
          "'%s' does not name a version: write %s@N".formatted(reference, reference));
    }
    UsageException.unlessValid(() -> new dev.parley.model.registry.Canary(1, share));
    return place.on(
        registry -> {
          int version = registry.resolve(wanted).version();
          registry.setCanary(wanted.name(), new dev.parley.model.registry.Canary(version, share));
          return registry.canary(wanted.name()).map(Canary::of);
        },
        server -> {
          int version = server.get(reference).version();
          return server.setCanary(wanted.name(), version, share).canary().map(Canary::of);
        });
  }

  private Optional<Canary> end(ModelReference wanted) {
    return place.on(
        registry -> {
          registry.resolve(wanted); // a model that is not there has no canary to end
          registry.endCanary(wanted.name());
          return registry.canary(wanted.name()).map(Canary::of);
        },
        server -> server.endCanary(wanted.name()).canary().map(Canary::of));
  }
}
