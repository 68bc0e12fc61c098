package dev.parley.model.registry;

import dev.parley.model.registry.RolloutException.Reason;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Moves aliases and canaries. Every method that changes something runs under the registry's lock.
 */
final class Rollouts {
  private static final Logger LOGGER = LoggerFactory.getLogger(Rollouts.class);

  private final ModelDirectory directory;
  private final Set<String> damaged = ConcurrentHashMap.newKeySet();

  Rollouts(ModelDirectory directory) {
    this.directory = directory;
  }

  /** A model's canary and past defaults, as far as those versions are there. */
  private Rollout of(String model) throws IOException {
    return Rollout.read(directory.of(model))
        .among(directory.versions(model), named(directory.aliases(model), ModelReference.DEFAULT));
  }

  /** A model's canary; none where the file is damaged: the default answers on. */
  Optional<Canary> canary(String model) throws IOException {
    return readable(model).canary();
  }

  /** Where a rollback of a model would go to; nowhere where the file is damaged. */
  OptionalInt previous(String model) throws IOException {
    return readable(model).previous(named(directory.aliases(model), ModelReference.DEFAULT));
  }

  private Rollout readable(String model) throws IOException {
    try {
      Rollout rollout = of(model);
      damaged.remove(model);
      return rollout;
    } catch (RegistryException e) {
      if (damaged.add(model)) {
        LOGGER.error("'{}' has no canary and no rollback: {}", model, e.getMessage());
      }
      return Rollout.NONE;
    }
  }

  /** Makes an alias name a version, or none; gives what it named before. */
  OptionalInt point(String model, String alias, OptionalInt version) throws IOException {
    Map<String, Integer> aliases = directory.aliases(model);
    OptionalInt present = named(aliases, alias);
    if (present.equals(version)) {
      return present;
    }
    if (alias.equals(ModelReference.DEFAULT)) {
      of(model).promoted(present, version).write(directory.of(model));
    }
    if (version.isPresent()) {
      aliases.put(alias, version.getAsInt());
    } else {
      aliases.remove(alias);
    }
    Aliases.write(directory.of(model), aliases);
    return present;
  }

  /** As {@link #point}, but only if the alias names what is expected. */
  boolean replace(String model, String alias, OptionalInt expected, int version)
      throws IOException {
    if (!named(directory.aliases(model), alias).equals(expected)) {
      return false;
    }
    point(model, alias, OptionalInt.of(version));
    return true;
  }

  /** Begins a canary, moves it or changes its share; gives the one before. */
  Optional<Canary> begin(String model, Canary canary) throws IOException {
    ModelReference reference = ModelReference.of(model, canary.version());
    directory.version(reference);
    requireCanary(reference, canary.version());
    Rollout present = of(model);
    if (!present.canary().equals(Optional.of(canary))) {
      present.with(Optional.of(canary)).write(directory.of(model));
    }
    return present.canary();
  }

  /** Ends the canary; gives it. */
  Optional<Canary> end(String model) throws IOException {
    Rollout present = of(model);
    if (present.canary().isPresent()) {
      present.with(Optional.empty()).write(directory.of(model));
    }
    return present.canary();
  }

  private void requireCanary(ModelReference reference, int version) throws IOException {
    String model = reference.name();
    OptionalInt present = named(directory.aliases(model), ModelReference.DEFAULT);
    if (present.isEmpty()) {
      throw new RolloutException(
          Reason.NO_DEFAULT,
          "%s cannot be a canary: '%s' has no default beside it; promote a version first"
              .formatted(reference, model));
    }
    if (present.getAsInt() == version) {
      throw new RolloutException(
          Reason.CANARY_IS_DEFAULT,
          "%s cannot be a canary: it is the default already; name another version"
              .formatted(reference));
    }
    Path path = directory.of(model, version);
    if (Manifest.read(path).lineage().direction() == Direction.BACKWARD) {
      throw new RolloutException(
          Reason.WRONG_DIRECTION,
          "%s cannot be a canary: it is a backward model, which answers nobody"
              .formatted(reference));
    }
  }

  /**
   * Lets the default name again what it named before, and ends the canary.
   *
   * @param expected what it names now, if the caller knows
   */
  Rollback rollBack(String model, OptionalInt expected) throws IOException {
    directory.version(ModelReference.parse(model + "@" + ModelReference.LATEST));
    Map<String, Integer> aliases = directory.aliases(model);
    OptionalInt present = named(aliases, ModelReference.DEFAULT);
    if (expected.isPresent() && !expected.equals(present)) {
      throw new RolloutException(
          Reason.DEFAULT_HAS_MOVED,
          "'%s' is not rolled back: its default is %s, not version %d; look, and ask again"
              .formatted(model, spoken(present), expected.getAsInt()));
    }
    Rollout rollout = of(model);
    OptionalInt previous = rollout.previous(present);
    if (previous.isEmpty()) {
      throw new RolloutException(
          Reason.NOTHING_TO_ROLL_BACK,
          "'%s' cannot be rolled back: its default, %s, never named another version that is still there%s"
              .formatted(
                  model,
                  spoken(present),
                  rollout.canary().isPresent()
                      ? "; to be rid of its canary %s@%d, end it"
                          .formatted(model, rollout.canary().get().version())
                      : ""));
    }
    rollout.rolledBack(present).write(directory.of(model));
    aliases.put(ModelReference.DEFAULT, previous.getAsInt());
    Aliases.write(directory.of(model), aliases);
    return new Rollback(previous.getAsInt(), present, rollout.canary());
  }

  /**
   * Nothing may lead to a version that is deleted.
   *
   * @throws VersionInUseException if an alias or a canary does
   */
  void requireUnused(ModelReference reference, int version) throws IOException {
    String model = reference.name();
    List<String> aliases =
        directory.aliases(model).entrySet().stream()
            .filter(alias -> alias.getValue() == version)
            .map(Map.Entry::getKey)
            .toList();
    if (!aliases.isEmpty()) {
      throw new VersionInUseException(
          "%s cannot be deleted: the alias '%s' names it; let it name another version first"
              .formatted(reference, String.join("', '", aliases)));
    }
    if (of(model).canary().filter(canary -> canary.version() == version).isPresent()) {
      throw new VersionInUseException(
          "%s cannot be deleted: it is the canary of '%s'; end that first"
              .formatted(reference, model));
    }
  }

  private static OptionalInt named(Map<String, Integer> aliases, String alias) {
    Integer version = aliases.get(alias);
    return version == null ? OptionalInt.empty() : OptionalInt.of(version);
  }

  private static String spoken(OptionalInt version) {
    return version.isPresent() ? "version " + version.getAsInt() : "not set";
  }
}
