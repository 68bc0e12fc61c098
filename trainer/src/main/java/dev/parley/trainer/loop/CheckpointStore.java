package dev.parley.trainer.loop;

import ai.djl.ndarray.NDManager;
import dev.parley.model.checkpoint.Gpt2Checkpoint;
import dev.parley.model.checkpoint.TensorFile;
import dev.parley.model.gpt2.Gpt2Weights;
import dev.parley.model.gpt2.TrainableGpt2;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

/**
 * The checkpoints of one training, {@code <root>/<step>/}: {@code config.json} and {@code
 * model.safetensors} as Hugging Face lays a model out, {@code optimizer.safetensors} ({@link
 * TrainableGpt2#trainingState}), {@code checkpoint.json} ({@link CheckpointInfo}) and {@code
 * SHA256SUMS}. The best evaluation's weights lie in {@code <root>/best-<step>/}, alone, unless they
 * are a checkpoint's own.
 *
 * <p>A directory is written and flushed under another name and appears by one rename: what can be
 * seen is whole. For one writer at a time; a job's event log sees to that.
 */
public final class CheckpointStore {
  private static final String WEIGHTS = "model.safetensors";
  private static final String STATE = "optimizer.safetensors";
  private static final String INFO = "checkpoint.json";
  private static final String STAGED = ".new-";
  private static final String BEST = "best-";
  private static final String DIRECTORY = "(" + BEST + ")?\\d{1,9}";
  private static final JsonMapper JSON =
      JsonMapper.builder().propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE).build();

  private final Path root;
  private final Extras extras;

  /** Puts files beside the weights that make them a usable model: those of the tokenizer. */
  @FunctionalInterface
  public interface Extras {
    /** Writes them. */
    void copyTo(Path directory);
  }

  /** A checkpoint that is whole. */
  public record Checkpoint(Path directory, CheckpointInfo info) {}

  /** The checkpoints in a directory, which is made when the first one is written. */
  public CheckpointStore(Path root, Extras extras) {
    this.root = root;
    this.extras = extras;
  }

  /** Removes what a writer that died left half-written. */
  public void clean() throws IOException {
    for (Path entry : entries()) {
      if (name(entry).startsWith(STAGED)) {
        CheckpointFiles.delete(entry);
      }
    }
  }

  /** The steps that have a checkpoint, the newest first. Nothing of them is checked. */
  public List<Integer> steps() throws IOException {
    return entries().stream()
        .map(CheckpointStore::name)
        .filter(name -> name.matches("\\d{1,9}"))
        .map(Integer::valueOf)
        .sorted(Comparator.reverseOrder())
        .toList();
  }

  /** Where a step's checkpoint is. */
  public Path directory(int step) {
    return root.resolve(Integer.toString(step));
  }

  /**
   * Saves weights and training state as they stand.
   *
   * @param best the weights of the best evaluation, if there was one
   * @return its directory
   * @throws IOException if the disk is full or refuses; nothing of it is left then
   * @throws dev.parley.model.checkpoint.CheckpointException as IOException
   */
  public Path write(
      TrainableGpt2 model,
      Progress progress,
      Optional<Gpt2Weights> best,
      CheckpointInfo.Origin origin,
      int stepsPerEpoch)
      throws IOException {
    int step = progress.step();
    String bestName = "";
    if (best.isPresent()) {
      int bestStep = progress.best().orElseThrow().step();
      bestName = bestStep == step ? Integer.toString(step) : name(writeBest(bestStep, best.get()));
    }
    CheckpointInfo info =
        new CheckpointInfo(
            CheckpointInfo.FORMAT,
            new CheckpointInfo.Position(step / stepsPerEpoch, step % stepsPerEpoch, 0),
            origin,
            progress,
            bestName);
    return publish(
        directory(step),
        staged -> {
          Gpt2Checkpoint.write(staged, model.weights());
          TensorFile.write(staged.resolve(STATE), model.trainingState());
          Files.writeString(
              staged.resolve(INFO), JSON.writerWithDefaultPrettyPrinter().writeValueAsString(info));
        });
  }

  /**
   * Saves the weights of an evaluation, unless they are saved.
   *
   * @return their directory, one of these two
   */
  public Path writeBest(int step, Gpt2Weights weights) throws IOException {
    for (Path there : List.of(root.resolve(BEST + step), directory(step))) {
      if (Files.isDirectory(there)) {
        return there;
      }
    }
    return publish(root.resolve(BEST + step), staged -> Gpt2Checkpoint.write(staged, weights));
  }

  private interface Content {
    void writeTo(Path directory) throws IOException;
  }

  private Path publish(Path target, Content content) throws IOException {
    Files.createDirectories(root);
    Path staged = Files.createDirectory(root.resolve(STAGED + UUID.randomUUID()));
    try {
      content.writeTo(staged);
      extras.copyTo(staged);
      CheckpointFiles.delete(target); // one that was found damaged
      CheckpointFiles.publish(staged, target);
      return target;
    } catch (IOException | RuntimeException e) {
      CheckpointFiles.delete(staged);
      throw e;
    }
  }

  /**
   * Reads a checkpoint's description after checking all of its files.
   *
   * @throws DamagedCheckpointException if it is not as it was written
   * @throws IOException if it cannot be read, also because another Parley wrote it in another
   *     format
   */
  public Checkpoint verified(int step) throws IOException, DamagedCheckpointException {
    Path directory = directory(step);
    CheckpointFiles.verify(directory, List.of(WEIGHTS, STATE, INFO));
    try {
      CheckpointInfo info =
          JSON.readValue(Files.readString(directory.resolve(INFO)), CheckpointInfo.class);
      if (info.format() != CheckpointInfo.FORMAT) {
        throw new IOException(
            "checkpoint %s has format %d, but this Parley reads %d: go on with the Parley that wrote it"
                .formatted(directory, info.format(), CheckpointInfo.FORMAT));
      }
      return new Checkpoint(directory, info);
    } catch (JacksonException e) {
      throw new DamagedCheckpointException(directory, INFO + " cannot be read: " + e.getMessage());
    }
  }

  /**
   * Puts moments, loss scale and adapters back into a model that was made of the checkpoint's
   * weights; with adapters, of the base's.
   */
  public static void restoreTrainingState(Checkpoint checkpoint, TrainableGpt2 model) {
    List<String> names = List.copyOf(model.trainingState().keySet());
    try (NDManager scope = model.weights().manager().newSubManager()) {
      model.restoreTrainingState(
          TensorFile.read(checkpoint.directory().resolve(STATE), names, scope));
    }
  }

  /**
   * The best evaluation's weights that a checkpoint names.
   *
   * @throws DamagedCheckpointException if they are missing or not as they were written
   */
  public Optional<Gpt2Weights> best(Checkpoint checkpoint, NDManager owner)
      throws IOException, DamagedCheckpointException {
    if (checkpoint.info().best().isEmpty()) {
      return Optional.empty();
    }
    if (!checkpoint.info().best().matches(DIRECTORY)) {
      throw new DamagedCheckpointException(checkpoint.directory(), "it names no best weights");
    }
    Path directory = root.resolve(checkpoint.info().best());
    if (!directory.equals(checkpoint.directory())) { // which was checked already
      CheckpointFiles.verify(directory, List.of(WEIGHTS));
    }
    return Optional.of(Gpt2Checkpoint.weights(directory, owner));
  }

  /**
   * Deletes all but the newest checkpoints and the best weights that those name.
   *
   * @param keep at least 1
   */
  public void prune(int keep) throws IOException {
    Set<String> wanted = new HashSet<>();
    for (int step : steps().stream().limit(keep).toList()) {
      wanted.add(Integer.toString(step));
      try {
        wanted.add(
            JSON.readValue(Files.readString(directory(step).resolve(INFO)), CheckpointInfo.class)
                .best());
      } catch (JacksonException | NoSuchFileException e) {
        wanted.add(""); // damaged: whoever reads it is told; it names nothing
      }
    }
    for (Path entry : entries()) {
      if (!wanted.contains(name(entry)) && name(entry).matches(DIRECTORY)) {
        retire(entry);
      }
    }
  }

  /** Deletes every checkpoint. */
  public void deleteAll() throws IOException {
    for (Path entry : entries()) {
      retire(entry);
    }
  }

  /** Deletes one that is damaged. */
  public void discard(int step) throws IOException {
    retire(directory(step));
  }

  /** Takes the name away first, so that nobody sees half of it. */
  private void retire(Path entry) throws IOException {
    Path aside = root.resolve(STAGED + UUID.randomUUID());
    Files.move(entry, aside);
    CheckpointFiles.delete(aside);
  }

  /** Bytes of a directory's files. */
  public static long size(Path directory) throws IOException {
    return CheckpointFiles.size(directory);
  }

  private List<Path> entries() throws IOException {
    if (!Files.isDirectory(root)) {
      return List.of();
    }
    try (Stream<Path> entries = Files.list(root)) {
      return entries.toList();
    }
  }

  private static String name(Path path) {
    return String.valueOf(path.getFileName());
  }
}
