package dev.parley.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A home and some dialogues in a directory of a test. */
final class Workplace {
  private final Path directory;

  Workplace(Path directory) {
    this.directory = directory;
  }

  Path home() {
    return directory.resolve("home");
  }

  /** A command with this home. */
  CommandLineRun run(String... arguments) {
    List<String> all = new ArrayList<>(List.of(arguments));
    all.add("--home");
    all.add(home().toString());
    return CommandLineRun.of(all.toArray(String[]::new));
  }

  /** A file with some content. */
  Path file(String name, String content) {
    try {
      return Files.writeString(directory.resolve(name), content);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Ten dialogues of the quickstart. */
  Path dialogues() {
    try (InputStream in =
        QuickstartCommand.class.getResourceAsStream("quickstart/dialogues.jsonl")) {
      String all = new String(in.readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
      return file("dialogues.jsonl", String.join("\n", all.lines().limit(10).toList()) + "\n");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Registers version after version of a model, by a few real steps each. */
  CommandLineRun train(String model, String... more) {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "train",
                "--name",
                model,
                "--data",
                dialogues().toString(),
                "--max-steps",
                "2",
                "--max-length",
                "32",
                "--batch-size",
                "2",
                "--prompt",
                "Hello?"));
    arguments.addAll(List.of(more));
    return run(arguments.toArray(String[]::new));
  }
}
