package dev.parley.cli;

import dev.parley.model.text.DialogueEncoder;
import dev.parley.model.text.Tokenizer;
import dev.parley.trainer.data.Conversion;
import dev.parley.trainer.data.DatasetStatistics;
import dev.parley.trainer.data.Dialogue;
import dev.parley.trainer.data.DialogueReader;
import dev.parley.trainer.data.DialogueWriter;
import dev.parley.trainer.data.InvalidDataException.Problem;
import dev.parley.trainer.data.LabelPolicy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** {@code parley data}: dialogue files before anyone trains on them. */
@Command(
    name = "data",
    description = "Converts dialogue files and says what is in them.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND")
final class DataCommand {
  @ParentCommand
  @SuppressWarnings("NullAway.Init") // set by picocli
  private Parley parley;

  @Command(
      name = "convert",
      description = {
        "Writes a file of any format that is read as JSON lines.",
        "A record that cannot be read is left out and reported; --strict refuses the file instead."
      },
      mixinStandardHelpOptions = true,
      sortOptions = false)
  void convert(
      @Parameters(index = "0", paramLabel = "IN", description = "JSONL, CSV or TSV, also as .gz")
          Path in,
      @Parameters(index = "1", paramLabel = "OUT", description = ".jsonl or .jsonl.gz") Path out,
      @Option(names = "--strict", description = "writes nothing if a record cannot be read")
          boolean strict,
      @Option(names = "--distinct", description = "writes equal dialogues once") boolean distinct,
      @Option(names = "--force", description = "replaces OUT if it is there") boolean force,
      @Option(names = "--json", description = "one JSON object on standard output") boolean json) {
    if (!DialogueWriter.writes(out.toString())) {
      throw new UsageException("'%s' must end in .jsonl or .jsonl.gz".formatted(out));
    }
    if (in.toAbsolutePath().normalize().equals(out.toAbsolutePath().normalize())) {
      throw new UsageException("'%s' is IN and OUT: give another name for OUT".formatted(in));
    }
    if (Files.exists(out) && !force) {
      throw new UsageException("'%s' exists: give --force to replace it".formatted(out));
    }
    Conversion conversion = Conversion.run(in, out, new Conversion.Options(strict, distinct));
    show(parley.output(json), in, out, conversion);
  }

  private static void show(Output result, Path in, Path out, Conversion conversion) {
    long dropped = conversion.source().dropped();
    List<Problem> problems = conversion.source().problems();
    result.object(
        Output.ordered(
            "in", in.toString(),
            "out", out.toString(),
            "dialogues", conversion.dialogues(),
            "turns", conversion.turns(),
            "dropped", dropped,
            "problems", problems.stream().map(Problem::toString).toList(),
            "merged_rows", conversion.source().merged(),
            "duplicates", conversion.duplicates(),
            "ignored", conversion.source().ignored()));
    result.text(
        "%s: %,d dialogues, %,d turns".formatted(out, conversion.dialogues(), conversion.turns()));
    if (dropped > 0) {
      result.text("%,d records were left out:".formatted(dropped));
      problems.forEach(problem -> result.text("  " + problem));
      if (dropped > problems.size()) {
        result.text("  … and %,d more".formatted(dropped - problems.size()));
      }
    }
    if (conversion.source().merged() > 0) {
      result.text(
          "%,d rows are the beginning of the row after them and were written once, with it"
              .formatted(conversion.source().merged()));
    }
    if (conversion.duplicates() > 0) {
      result.text("%,d dialogues were there before".formatted(conversion.duplicates()));
    }
    if (!conversion.source().ignored().isEmpty()) {
      result.text("not taken over: " + String.join(", ", conversion.source().ignored()));
    }
  }

  @Command(
      name = "stats",
      description = "Dialogues, tokens, lengths, duplicates, padding, what would be learned.",
      mixinStandardHelpOptions = true,
      sortOptions = false)
  void stats(
      @Parameters(arity = "1..*", paramLabel = "FILE", description = "read as one data set")
          List<Path> files,
      @Mixin HomeOption home,
      @Option(
              names = "--base",
              paramLabel = "REF",
              defaultValue = "parley-tiny",
              description = "the model whose tokenizer counts (${DEFAULT-VALUE}: GPT-2's)")
          String base,
      @Option(
              names = "--train-on",
              paramLabel = "all|replies|assistant|last|padded",
              defaultValue = "replies",
              description = "which turns are learned (${DEFAULT-VALUE})")
          String policy,
      @Option(
              names = "--max-length",
              defaultValue = "512",
              description = "longest sequence in tokens (${DEFAULT-VALUE})")
          int maxLength,
      @Option(
              names = "--batch-size",
              defaultValue = "16",
              description = "sequences in a batch (${DEFAULT-VALUE})")
          int batchSize,
      @Option(
              names = "--seed",
              defaultValue = "42",
              description = "of the order (${DEFAULT-VALUE})")
          long seed,
      @Option(names = "--json", description = "one JSON object on standard output") boolean json) {
    if (maxLength < 8 || batchSize < 1) {
      throw new UsageException(
          "--max-length is %d and --batch-size %d, but they must be at least 8 and 1"
              .formatted(maxLength, batchSize));
    }
    TrainOptions.constant(dev.parley.v1.LabelPolicy.class, policy);
    LabelPolicy learned = LabelPolicy.valueOf(policy.toUpperCase(Locale.ROOT));
    List<Dialogue> dialogues = new ArrayList<>();
    files.forEach(file -> dialogues.addAll(DialogueReader.read(file)));
    try (Tokenizer tokenizer = Tokenizer.load(home.registry().locate(base))) {
      DatasetStatistics statistics =
          DatasetStatistics.of(
              dialogues,
              new DialogueEncoder(tokenizer)::turn,
              new DatasetStatistics.Options(learned, maxLength, batchSize, seed));
      DatasetStatisticsView.show(parley.output(json), statistics, maxLength, batchSize, learned);
    }
  }
}
