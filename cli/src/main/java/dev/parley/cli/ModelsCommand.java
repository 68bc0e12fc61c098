package dev.parley.cli;

import dev.parley.cli.RolloutView.Canary;
import dev.parley.model.checkpoint.Gpt2Checkpoint;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.hub.Hub;
import dev.parley.model.hub.HubId;
import dev.parley.model.hub.HubSnapshot;
import dev.parley.model.registry.Direction;
import dev.parley.model.registry.Lineage;
import dev.parley.model.registry.ModelReference;
import dev.parley.model.registry.RandomBase;
import dev.parley.model.registry.RegisteredVersion;
import dev.parley.model.registry.Registry;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** {@code parley models}: what is registered, and which version answers. */
@Command(
    name = "models",
    description = "Lists, creates, imports, exports, rolls out and deletes model versions.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      ModelsPromoteCommand.class,
      ModelsCanaryCommand.class,
      ModelsRollbackCommand.class
    })
final class ModelsCommand {
  @ParentCommand
  @SuppressWarnings("NullAway.Init") // set by picocli
  private Parley parley;

  /** Where its subcommands write. */
  Output output(boolean json) {
    return parley.output(json);
  }

  @Command(name = "list", description = "Every model.", mixinStandardHelpOptions = true)
  void list(@Mixin HomeOption home, @Option(names = "--json") boolean json) {
    Output out = parley.output(json);
    Registry registry = home.registry();
    int width = Math.max(32, registry.models().stream().mapToInt(String::length).max().orElse(0));
    out.text(row(width, "model", "versions", "latest", "aliases"));
    for (String model : registry.models()) {
      List<Integer> versions = registry.versions(model);
      int latest = versions.stream().max(Integer::compare).orElse(0);
      Map<String, Integer> aliases = new TreeMap<>(registry.aliases(model));
      Optional<Canary> canary = registry.canary(model).map(Canary::of);
      out.object(
          Output.ordered(
              "model",
              model,
              "versions",
              versions,
              "latest",
              latest,
              "aliases",
              aliases,
              "canary",
              RolloutView.mapOf(canary)));
      out.text(
          row(
              width,
              model,
              String.valueOf(versions.size()),
              String.valueOf(latest),
              spoken(aliases, canary)));
    }
  }

  @Command(
      name = "show",
      description = "One version: its shape, where it comes from, how good it is.",
      mixinStandardHelpOptions = true)
  void show(
      @Mixin HomeOption home,
      @Parameters(paramLabel = "MODEL[@VERSION|@ALIAS]") String reference,
      @Option(names = "--json") boolean json) {
    Output out = parley.output(json);
    RegisteredVersion version = resolve(home.registry(), reference);
    Gpt2Config config = Gpt2Checkpoint.config(version.directory());
    Lineage lineage = version.manifest().lineage();
    Map<String, Object> shown = new LinkedHashMap<>();
    shown.put("model", version.model());
    shown.put("version", version.version());
    shown.put("created", version.manifest().createTime().toString());
    shown.put("directory", version.directory().toString());
    shown.put("size_bytes", version.sizeBytes());
    shown.put("parameters", config.parameterCount());
    shown.put("layers", config.layerCount());
    shown.put("heads", config.headCount());
    shown.put("embedding_size", config.embeddingSize());
    shown.put("context_length", config.contextLength());
    shown.put("vocabulary_size", config.vocabularySize());
    shown.put("origin", lineage.origin());
    shown.put("base", lineage.base());
    shown.put("base_weights_sha256", lineage.baseWeightsSha256());
    shown.put("data_sha256", lineage.dataSha256());
    shown.put("job", lineage.jobId());
    shown.put("seed", lineage.seed());
    shown.put("hyper_parameters", new TreeMap<>(lineage.parameters()));
    shown.put("metrics", new TreeMap<>(lineage.metrics()));
    shown.put("parley_version", lineage.parleyVersion());
    shown.put("parley_commit", lineage.parleyCommit());
    shown.put("file_sha256", new TreeMap<>(version.manifest().fileSha256()));
    out.object(shown);
    shown.forEach(
        (name, value) -> {
          if (value instanceof Map<?, ?> entries) {
            out.text(name + ":");
            entries.forEach((key, entry) -> out.text("  %-24s %s".formatted(key, entry)));
          } else if (!String.valueOf(value).isEmpty()) {
            out.text("%-26s %s".formatted(name, value));
          }
        });
  }

  @Command(
      name = "create",
      description = {
        "Registers a model with random weights and GPT-2's vocabulary, to be trained from scratch.",
        "(parley-tiny has 2 layers of 128, 4 heads and 256 positions.)"
      },
      mixinStandardHelpOptions = true)
  void create(
      @Mixin HomeOption home,
      @Parameters(paramLabel = "MODEL") String model,
      @Option(names = "--layers", required = true, description = "transformer blocks") int layers,
      @Option(
              names = "--width",
              required = true,
              description = "of the hidden state, a multiple of --heads")
          int width,
      @Option(names = "--heads", required = true, description = "attention heads a block")
          int heads,
      @Option(
              names = "--positions",
              defaultValue = "1024",
              description = "the longest sequence in tokens (${DEFAULT-VALUE})")
          int positions,
      @Option(
              names = "--seed",
              defaultValue = "42",
              description = "the same seed makes the same weights (${DEFAULT-VALUE})")
          long seed,
      @Option(names = "--json") boolean json) {
    ModelReference reference = UsageException.unlessValid(() -> ModelReference.of(model));
    Gpt2Config config =
        UsageException.unlessValid(() -> Gpt2Config.of(layers, width, heads, positions));
    say(
        parley.output(json),
        "created",
        RandomBase.create(home.registry(), reference.name(), config, seed));
  }

  @Command(
      name = "import",
      description =
          "Registers a directory in Hugging Face layout, or a model of its hub, as a new version.",
      mixinStandardHelpOptions = true)
  void importDirectory(
      @Mixin HomeOption home,
      @Parameters(
              paramLabel = "REF",
              description = "a directory, or organisation/name[@revision] of Hugging Face's hub")
          String source,
      @Option(names = "--name", description = "of the model; the source's own if left out")
          @Nullable String name,
      @Option(
              names = "--direction",
              description =
                  "forward: it answers; backward: it ranks (as the source says, else forward)")
          @Nullable String direction,
      @Option(names = "--json") boolean json) {
    Optional<Direction> given = Optional.ofNullable(direction).map(ModelsCommand::direction);
    Optional<HubId> id = HubId.meantBy(source);
    String own =
        id.map(HubId::name)
            .orElseGet(
                () -> String.valueOf(Path.of(source).toAbsolutePath().normalize().getFileName()));
    String model = name != null ? name : own.toLowerCase(Locale.ROOT);
    ModelReference reference = UsageException.unlessValid(() -> ModelReference.of(model));
    Output out = parley.output(json);
    Registry registry = home.registry();
    RegisteredVersion imported;
    if (id.isPresent()) {
      HubSnapshot snapshot = download(id.get(), out);
      imported =
          registry.importDirectory(
              reference.name(),
              snapshot.directory(),
              snapshot.reference(),
              given.orElse(Direction.FORWARD));
    } else {
      Path directory = Path.of(source);
      imported =
          registry.importDirectory(
              reference.name(),
              directory,
              directory.toAbsolutePath().toString(),
              given.orElseGet(() -> Direction.of(directory)));
    }
    say(out, "imported", imported);
  }

  private static Direction direction(String name) {
    try {
      return Direction.valueOf(name.toUpperCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      throw new UsageException("--direction is '%s', but forward or backward".formatted(name));
    }
  }

  private static HubSnapshot download(HubId id, Output out) {
    try (ProgressBar bar = out.progressBar()) {
      return Hub.ofProcess().snapshot(id, new HubView(out, bar));
    }
  }

  @Command(
      name = "export",
      description = "Writes a version to a new directory in Hugging Face layout.",
      mixinStandardHelpOptions = true)
  void export(
      @Mixin HomeOption home,
      @Parameters(paramLabel = "MODEL[@VERSION|@ALIAS]") String reference,
      @Parameters(paramLabel = "DIR") Path directory,
      @Option(names = "--json") boolean json) {
    Registry registry = home.registry();
    RegisteredVersion version = resolve(registry, reference);
    registry.export(version, directory);
    Output out = parley.output(json);
    out.object(Output.ordered("exported", version.reference(), "directory", directory.toString()));
    out.text("exported %s to %s".formatted(version.reference(), directory));
  }

  @Command(
      name = "delete",
      description = "Deletes a version that no alias names.",
      mixinStandardHelpOptions = true)
  void delete(
      @Mixin HomeOption home,
      @Parameters(paramLabel = "MODEL@VERSION") String reference,
      @Option(names = "--json") boolean json) {
    if (parsed(reference).version().isEmpty()) {
      throw new UsageException(
          "'%s' does not name a version: write %s@N".formatted(reference, reference));
    }
    Registry registry = home.registry();
    RegisteredVersion version = resolve(registry, reference);
    registry.delete(version.model(), version.version());
    say(parley.output(json), "deleted", version);
  }

  private static RegisteredVersion resolve(Registry registry, String reference) {
    return registry.resolve(parsed(reference));
  }

  private static ModelReference parsed(String reference) {
    return UsageException.unlessValid(() -> ModelReference.parse(reference));
  }

  private static void say(Output out, String done, RegisteredVersion version) {
    out.object(Output.ordered(done, version.reference()));
    out.text(done + " " + version.reference());
  }

  private static String row(
      int width, String model, String versions, String latest, String aliases) {
    return ("%-" + width + "s %8s %8s  %s").formatted(model, versions, latest, aliases);
  }

  private static String spoken(Map<String, Integer> aliases, Optional<Canary> canary) {
    Stream<String> named = aliases.entrySet().stream().map(e -> e.getKey() + "=" + e.getValue());
    Stream<String> shared =
        canary.stream().map(c -> "canary %d gets %s".formatted(c.version(), c.percent()));
    return Stream.concat(named, shared).collect(Collectors.joining(", "));
  }
}
