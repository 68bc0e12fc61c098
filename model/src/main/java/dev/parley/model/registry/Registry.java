package dev.parley.model.registry;

import dev.parley.model.hub.Hub;
import dev.parley.model.hub.HubId;
import dev.parley.model.hub.HubListener;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Supplier;

/**
 * Models on disk: {@code <root>/<model>/<version>/}, each version a directory in Hugging Face
 * layout with a {@link Manifest}, and {@code <root>/<model>/aliases.json}, beside it rollout.json
 * for canaries and rollbacks. A version appears complete, by one rename, and never changes; numbers
 * are not given twice. Several processes may use one registry: writers wait for each other (see
 * {@link RegistryLock}), readers never wait.
 *
 * <p>Every method throws {@link RegistryException} if the file system refuses, and {@link
 * IllegalArgumentException} for a name that no model can have. Nothing is left half-written.
 */
public final class Registry {
  private final Path root;
  private final ModelDirectory directory;
  private final StagingArea staging;
  private final Rollouts rollouts;

  /**
   * A registry; made when the first version is staged.
   *
   * @param root usually {@code <home>/registry}
   */
  public Registry(Path root) {
    this.root = root.toAbsolutePath().normalize();
    directory = new ModelDirectory(this.root);
    staging = new StagingArea(this.root);
    rollouts = new Rollouts(directory);
  }

  /** Where it is. */
  public Path root() {
    return root;
  }

  /** The models that have a version, in alphabetical order. */
  public List<String> models() {
    return reading("list the models", directory::models);
  }

  /** The versions of a model, ascending; none if there is no such model. */
  public List<Integer> versions(String model) {
    ModelReference.requireName(model);
    return reading("list the versions of '%s'".formatted(model), () -> directory.versions(model));
  }

  /** The aliases of a model and the version that each names, in alphabetical order. */
  public Map<String, Integer> aliases(String model) {
    ModelReference.requireName(model);
    return reading("read the aliases of '%s'".formatted(model), () -> directory.aliases(model));
  }

  /**
   * The version that a reference means.
   *
   * @throws ModelNotFoundException if there is none; the message names the nearest
   * @throws DamagedVersionException if its parley.json cannot be read
   */
  public RegisteredVersion resolve(ModelReference reference) {
    String model = reference.name();
    return reading(
        "read '%s'".formatted(reference),
        () -> {
          int version = directory.version(reference);
          Path path = directory.of(model, version);
          try {
            return new RegisteredVersion(model, version, path, Manifest.read(path));
          } catch (NoSuchFileException e) { // deleted since it was listed
            throw new ModelNotFoundException(
                "model '%s' has no version %d any more".formatted(model, version));
          }
        });
  }

  /** As {@link #resolve(ModelReference)}, for a reference as people write it. */
  public RegisteredVersion resolve(String reference) {
    return resolve(ModelReference.parse(reference));
  }

  /** The canary of a model; empty: all new conversations get its default. */
  public Optional<Canary> canary(String model) {
    ModelReference.requireName(model);
    return reading("read the canary of '%s'".formatted(model), () -> rollouts.canary(model));
  }

  /** The version that {@link #rollBack} would make the default of a model; empty: none. */
  public OptionalInt previousDefault(String model) {
    ModelReference.requireName(model);
    return reading(
        "read the past defaults of '%s'".formatted(model), () -> rollouts.previous(model));
  }

  /**
   * Makes an alias name a version. What {@code default} named before is kept for {@link #rollBack};
   * a canary that becomes the default ends, any other goes on.
   *
   * @return what the alias named before
   * @throws ModelNotFoundException if there is no such version
   */
  public OptionalInt setAlias(String model, String alias, int version) {
    requireSettable(alias);
    ModelReference reference = ModelReference.of(model, version);
    return writing(
        "set the alias '%s' of '%s'".formatted(alias, model),
        () -> {
          directory.version(reference);
          return rollouts.point(model, alias, OptionalInt.of(version));
        });
  }

  /**
   * As {@link #setAlias}, but only if the alias still names what the decision was made on: of two
   * processes that compared with the same version, the second one has to compare again.
   *
   * @param expected what the alias named then; empty: there was none
   * @return whether it was set; if not, it names another version and nothing has changed
   * @throws ModelNotFoundException if there is no such version
   */
  public boolean replaceAlias(String model, String alias, OptionalInt expected, int version) {
    requireSettable(alias);
    ModelReference reference = ModelReference.of(model, version);
    return writing(
        "set the alias '%s' of '%s'".formatted(alias, model),
        () -> {
          directory.version(reference);
          return rollouts.replace(model, alias, expected, version);
        });
  }

  private static void requireSettable(String alias) {
    ModelReference.requireAlias(alias);
    if (alias.equals(ModelReference.LATEST)) {
      throw new IllegalArgumentException(
          "alias 'latest' is reserved: it always names the highest version");
    }
  }

  /**
   * Takes an alias away; the next version that is published becomes {@code default} if that was it.
   *
   * @return what it named; empty if there was no such alias
   */
  public OptionalInt removeAlias(String model, String alias) {
    ModelReference.requireName(model);
    return writing(
        "remove the alias '%s' of '%s'".formatted(alias, model),
        () -> rollouts.point(model, alias, OptionalInt.empty()));
  }

  /**
   * Lets a version answer a share of a model's new conversations, instead of the canary that there
   * may be.
   *
   * @return the canary before
   * @throws ModelNotFoundException if there is no such version
   * @throws RolloutException if it cannot be a canary: it is the default, or there is none, or it
   *     is a backward model
   */
  public Optional<Canary> setCanary(String model, Canary canary) {
    ModelReference.requireName(model);
    return writing("set the canary of '%s'".formatted(model), () -> rollouts.begin(model, canary));
  }

  /**
   * Ends the canary of a model.
   *
   * @return what it was; empty: there was none
   */
  public Optional<Canary> endCanary(String model) {
    ModelReference.requireName(model);
    return writing("end the canary of '%s'".formatted(model), () -> rollouts.end(model));
  }

  /**
   * Lets {@code default} name again what it named before, and ends the canary, in one step. A
   * second rollback goes a step further back.
   *
   * @param expected what {@code default} names now, if the caller knows: a call that is repeated
   *     then goes back once
   * @throws ModelNotFoundException if there is no such model
   * @throws RolloutException if there is nothing to go back to, or the default is not the expected
   */
  public Rollback rollBack(String model, OptionalInt expected) {
    ModelReference.requireName(model);
    return writing("roll back '%s'".formatted(model), () -> rollouts.rollBack(model, expected));
  }

  /** A new version of a model, to be filled and published; the caller closes it. */
  public StagedVersion stage(String model) {
    ModelReference.requireName(model);
    return writing(
        "stage a version of '%s'".formatted(model),
        () -> {
          staging.clean();
          StagingArea.Slot slot = staging.open();
          try {
            Files.createDirectory(slot.version());
          } catch (IOException e) {
            slot.close();
            throw e;
          }
          return new StagedVersion(this, model, slot);
        });
  }

  /**
   * Deletes a version; its number stays used.
   *
   * @throws ModelNotFoundException if there is none
   * @throws VersionInUseException if an alias or a canary names it
   */
  public void delete(String model, int version) {
    ModelReference reference = ModelReference.of(model, version);
    String attempt = "delete %s".formatted(reference);
    StagingArea.Slot slot =
        writing(
            attempt,
            () -> {
              directory.version(reference);
              rollouts.requireUnused(reference, version);
              directory.rememberVersion(model, version);
              StagingArea.Slot trash = staging.open();
              try {
                DurableFiles.rename(directory.of(model, version), trash.version());
              } catch (IOException e) {
                trash.close(); // deletes what has come into it: nothing
                throw e;
              }
              DurableFiles.sync(directory.of(model));
              return trash;
            });
    try {
      slot.close();
    } catch (IOException e) {
      throw RegistryException.of(attempt, slot.version(), e);
    }
  }

  /**
   * Compares every file of a version with the digests in its manifest.
   *
   * @throws DamagedVersionException if a file is missing, changed, or was added
   */
  public void verify(RegisteredVersion version) {
    reading(
        "verify %s".formatted(version.reference()),
        () -> {
          Verification.verify(version);
          return version;
        });
  }

  /**
   * In which order the versions of a model read turns: all the same way, for its default answers or
   * it ranks. Empty: there is no such model.
   */
  public Optional<Direction> direction(String model) {
    return versions(model).isEmpty()
        ? Optional.empty()
        : Optional.of(
            resolve(model + "@" + ModelReference.LATEST).manifest().lineage().direction());
  }

  /**
   * Registers a model that is a directory in Hugging Face layout: config.json, weights, tokenizer
   * and generation_config.json are taken along, weights that are not one model.safetensors are
   * converted to that. It reads turns as the version does that it was exported from; else forward.
   *
   * @throws RegistryException if the tokenizer does not fit the model, or other versions of the
   *     model read turns the other way round
   * @throws dev.parley.model.checkpoint.CheckpointException if the weights cannot be used
   * @throws dev.parley.model.text.TokenizerException if the tokenizer cannot be used
   */
  public RegisteredVersion importDirectory(String model, Path huggingFaceDirectory) {
    return importDirectory(
        model,
        huggingFaceDirectory,
        huggingFaceDirectory.toAbsolutePath().toString(),
        Direction.of(huggingFaceDirectory));
  }

  /**
   * As {@link #importDirectory(String, Path)}, of files that come from somewhere else.
   *
   * @param origin for the lineage: what names these files for everyone, such as {@code
   *     organisation/name@commit}
   * @param direction in which order the model reads turns
   */
  public RegisteredVersion importDirectory(
      String model, Path huggingFaceDirectory, String origin, Direction direction) {
    ModelReference.requireName(model);
    return HuggingFaceImport.run(this, model, huggingFaceDirectory, origin, direction);
  }

  /**
   * Copies all files of a version, after verifying them, to a directory that is new or empty.
   *
   * @throws DamagedVersionException if a file is not as registered
   */
  public void export(RegisteredVersion version, Path target) {
    verify(version);
    reading(
        "export %s".formatted(version.reference()),
        () -> {
          Export.run(version, target);
          return version;
        });
  }

  /**
   * The directory of a model, as users name models: a reference into this registry, a directory in
   * Hugging Face layout, or the id of a model on a hub, which is downloaded where it is not here
   * yet. Its files are not verified.
   *
   * @param hub opened for a model of a hub only
   * @throws ModelNotFoundException if this registry has no such model, nor is it a directory
   * @throws RegistryException if the directory is no model
   * @throws dev.parley.model.hub.HubException if the hub's cannot be had
   */
  public Path locate(String reference, Supplier<Hub> hub, HubListener listener) {
    return HubId.meantBy(reference)
        .map(id -> hub.get().snapshot(id, listener).directory())
        .orElseGet(() -> locate(reference));
  }

  /**
   * As {@link #locate(String, Supplier, HubListener)}, of what is on this machine.
   *
   * @throws RegistryException if the directory is no model, or does not exist
   */
  public Path locate(String reference) {
    return ModelLocation.find(this, reference);
  }

  /** Publishes a sealed directory: as a number, or as the next one. */
  RegisteredVersion admit(String model, OptionalInt wanted, Path sealed, Manifest manifest)
      throws IOException {
    return RegistryLock.whileHeld(
        root,
        () -> {
          if (wanted.isPresent() && directory.versions(model).contains(wanted.getAsInt())) {
            return resolve(ModelReference.of(model, wanted.getAsInt()));
          }
          int version = wanted.isPresent() ? wanted.getAsInt() : directory.nextVersion(model);
          Path path = directory.of(model, version);
          boolean first = !Files.exists(directory.of(model));
          try {
            DurableFiles.createDirectories(directory.of(model));
            DurableFiles.sync(root);
            Map<String, Integer> aliases = directory.aliases(model);
            if (aliases.putIfAbsent(ModelReference.DEFAULT, version) == null) {
              // first, for no version may be seen without it; till the rename it names nothing
              Aliases.write(directory.of(model), aliases);
            }
            DurableFiles.rename(sealed, path);
          } catch (IOException e) {
            if (first) {
              DurableFiles.deleteTree(directory.of(model));
            }
            throw e;
          }
          return new RegisteredVersion(model, version, path, manifest);
        });
  }

  private <T> T reading(String attempt, RegistryLock.Work<T> work) {
    try {
      return work.run();
    } catch (IOException e) {
      throw RegistryException.of(attempt, root, e);
    }
  }

  private <T> T writing(String attempt, RegistryLock.Work<T> work) {
    return reading(attempt, () -> RegistryLock.whileHeld(root, work));
  }
}
