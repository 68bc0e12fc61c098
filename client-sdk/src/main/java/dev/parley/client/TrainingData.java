package dev.parley.client;

import java.nio.file.Path;
import java.util.List;

/** Where the dialogues of a training job come from. */
public sealed interface TrainingData {
  /** Dialogues that are sent with the request. */
  static TrainingData dialogues(List<Dialogue> dialogues) {
    return new Inline(dialogues);
  }

  /**
   * A file on this machine: JSONL, CSV or TSV, each also as .gz. It is uploaded when the job is
   * started.
   */
  static TrainingData file(Path path) {
    return new LocalFile(path);
  }

  /** A file on the server's machine. */
  static TrainingData serverPath(String path) {
    return new ServerPath(path);
  }

  /** A dataset that was uploaded before: {@code sha256:...}. */
  static TrainingData dataset(String digest) {
    return new UploadedDataset(digest);
  }

  /** See {@link #dialogues}. */
  record Inline(List<Dialogue> dialogues) implements TrainingData {
    public Inline {
      dialogues = List.copyOf(dialogues);
    }
  }

  /** See {@link #file}. */
  record LocalFile(Path path) implements TrainingData {}

  /** See {@link #serverPath}. */
  record ServerPath(String path) implements TrainingData {}

  /** See {@link #dataset}. */
  record UploadedDataset(String digest) implements TrainingData {}
}
