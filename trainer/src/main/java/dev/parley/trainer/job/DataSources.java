package dev.parley.trainer.job;

import dev.parley.trainer.data.Dialogue;
import dev.parley.trainer.data.DialogueReader;
import dev.parley.trainer.data.InvalidDataException;
import dev.parley.trainer.data.Turn;
import dev.parley.v1.DataSource;
import dev.parley.v1.DialogueTurn;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
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

  /** The one file in {@code <home>/datasets/<digest>}, which has this digest to this day. */
  private static Path dataset(Path home, String dataset) {
    String expected = dataset.replace("sha256:", "");
    Path directory = home.resolve("datasets").resolve(expected);
    try (Stream<Path> files = Files.list(directory)) {
      Path file =
          files
              .filter(path -> !String.valueOf(path.getFileName()).startsWith("."))
              .findFirst()
              .orElseThrow(() -> new NoSuchFileException(directory.toString()));
      String found = sha256(file);
      if (!found.equals(expected)) {
        throw problem(
            dataset,
            "%s has changed since it was uploaded, its SHA-256 is %s; remove %s and upload it again"
                .formatted(file, found, directory));
      }
      return file;
    } catch (NoSuchFileException e) {
      throw problem(dataset, "no such dataset was uploaded; upload it with UploadDataset");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static InvalidDataException problem(String dataset, String message) {
    return new InvalidDataException(
        List.of(new InvalidDataException.Problem(dataset, 0, 0, message)), false);
  }

  private static String sha256(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      byte[] buffer = new byte[1 << 16];
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        digest.update(buffer, 0, read);
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every JVM has it
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
