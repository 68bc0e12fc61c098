package dev.parley.trainer.job;

import dev.parley.trainer.data.Dialogue;
import dev.parley.trainer.data.DialogueReader;
import dev.parley.trainer.data.InvalidDataException;
import dev.parley.trainer.data.Turn;
import dev.parley.v1.DataSource;
import dev.parley.v1.DialogueTurn;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** The dialogues that a request names. */
final class DataSources {
  private DataSources() {}

  /**
   * Every dialogue of several sources, in order.
   *
   * @throws InvalidDataException with the problems of all of them
   */
  static List<Dialogue> read(Path home, List<DataSource> sources) {
    List<Dialogue> dialogues = new ArrayList<>();
    List<InvalidDataException.Problem> problems = new ArrayList<>();
    boolean more = false;
    for (DataSource source : sources) {
      try {
        dialogues.addAll(read(home, source));
      } catch (InvalidDataException e) {
        problems.addAll(e.problems());
        more |= e.more();
      }
    }
    if (!problems.isEmpty()) {
      int limit = 20;
      throw new InvalidDataException(
          problems.subList(0, Math.min(limit, problems.size())), more || problems.size() > limit);
    }
    return dialogues;
  }

  private static List<Dialogue> read(Path home, DataSource source) {
    return switch (source.getSourceCase()) {
      case PATH -> DialogueReader.read(Path.of(source.getPath()));
      case DATASET -> DialogueReader.read(dataset(home, source.getDataset()));
      case INLINE ->
          source.getInline().getDialoguesList().stream().map(DataSources::inline).toList();
      case SOURCE_NOT_SET -> throw new IllegalArgumentException("a data source names no data");
    };
  }

  /** The one file in {@code <home>/datasets/<digest>}. */
  private static Path dataset(Path home, String dataset) {
    Path directory = home.resolve("datasets").resolve(dataset.replace("sha256:", ""));
    try (Stream<Path> files = Files.list(directory)) {
      return files
          .filter(file -> !String.valueOf(file.getFileName()).startsWith("."))
          .findFirst()
          .orElseThrow(() -> new NoSuchFileException(directory.toString()));
    } catch (NoSuchFileException e) {
      throw new InvalidDataException(
          List.of(
              new InvalidDataException.Problem(
                  dataset, 0, 0, "no such dataset was uploaded; upload it with UploadDataset")),
          false);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Dialogue inline(dev.parley.v1.Dialogue dialogue) {
    return new Dialogue(dialogue.getTurnsList().stream().map(DataSources::turn).toList());
  }

  private static Turn turn(DialogueTurn turn) {
    return new Turn(
        turn.getRole(),
        turn.getText(),
        turn.hasTrain() ? Optional.of(turn.getTrain()) : Optional.empty());
  }
}
