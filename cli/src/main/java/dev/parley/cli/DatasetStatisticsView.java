package dev.parley.cli;

import dev.parley.trainer.data.DatasetStatistics;
import dev.parley.trainer.data.DatasetStatistics.Distribution;
import dev.parley.trainer.data.DatasetStatistics.Frequent;
import dev.parley.trainer.data.LabelPolicy;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Shows what is in a data set. */
final class DatasetStatisticsView {
  private static final int SHOWN_TEXT = 60;

  private DatasetStatisticsView() {}

  static void show(
      Output out, DatasetStatistics statistics, int maxLength, int batchSize, LabelPolicy policy) {
    DatasetStatistics.Packed packed = statistics.packed();
    String learned = policy.name().toLowerCase(Locale.ROOT);
    out.object(json(statistics, maxLength, batchSize, learned));
    out.text(
        "%,d dialogues, %,d turns (%s), %,d tokens"
            .formatted(
                statistics.dialogues(),
                statistics.turns(),
                statistics.turnsByRole().entrySet().stream()
                    .map(role -> "%s %,d".formatted(role.getKey(), role.getValue()))
                    .collect(Collectors.joining(", ")),
                statistics.tokens()));
    out.text("%-20s least     mean  median  p90    p95    p99    most".formatted(""));
    out.text(row("turns a dialogue", statistics.turnsPerDialogue()));
    out.text(row("tokens a dialogue", statistics.tokensPerDialogue()));
    out.text(row("tokens a turn", statistics.tokensPerTurn()));
    out.text(
        "duplicates: %,d dialogues equal an earlier one (%.2f%%), %,d turns repeat an earlier text (%.2f%%)"
            .formatted(
                statistics.duplicateDialogues(),
                percent(statistics.duplicateDialogues(), statistics.dialogues()),
                statistics.repeatedTurns(),
                percent(statistics.repeatedTurns(), statistics.turns())));
    for (Frequent frequent : statistics.frequentTurns()) {
      out.text("  %,6d × %s".formatted(frequent.turns(), shortened(frequent.text())));
    }
    if (statistics.flaggedTurns() > 0) {
      out.text("%,d turns have a train flag of their own".formatted(statistics.flaggedTurns()));
    }
    out.text(
        "at most %d tokens, batches of %d, learning %s:".formatted(maxLength, batchSize, learned));
    out.text(
        "  %,d sequences, %.2f%% shortened, %,d learned turns lose their end"
            .formatted(packed.sequences(), 100 * packed.shortenedShare(), packed.cutTurns()));
    out.text("  %.1f%% of the tokens are learned".formatted(100 * packed.targetShare()));
    out.text(
        "  padding: %.2f%% bucketed by length (as trained), %.2f%% shuffled, %.2f%% at a fixed length"
            .formatted(
                100 * packed.bucketedPadding(),
                100 * packed.shuffledPadding(),
                100 * packed.fixedPadding()));
  }

  private static String row(String name, Distribution d) {
    return "%-20s %-6d %7.1f  %-7d %-6d %-6d %-6d %d"
        .formatted(name, d.least(), d.mean(), d.median(), d.p90(), d.p95(), d.p99(), d.greatest());
  }

  private static double percent(long part, long all) {
    return 100.0 * part / all;
  }

  private static String shortened(String text) {
    String line = TrainingView.oneLine(text);
    return line.length() <= SHOWN_TEXT ? line : line.substring(0, SHOWN_TEXT) + "…";
  }

  private static Map<String, @Nullable Object> json(
      DatasetStatistics statistics, int maxLength, int batchSize, String policy) {
    DatasetStatistics.Packed packed = statistics.packed();
    return Output.ordered(
        "dialogues", statistics.dialogues(),
        "turns", statistics.turns(),
        "turns_by_role", statistics.turnsByRole(),
        "flagged_turns", statistics.flaggedTurns(),
        "tokens", statistics.tokens(),
        "turns_per_dialogue", json(statistics.turnsPerDialogue()),
        "tokens_per_dialogue", json(statistics.tokensPerDialogue()),
        "tokens_per_turn", json(statistics.tokensPerTurn()),
        "duplicate_dialogues", statistics.duplicateDialogues(),
        "repeated_turns", statistics.repeatedTurns(),
        "frequent_turns",
            statistics.frequentTurns().stream()
                .map(f -> Output.ordered("text", f.text(), "turns", f.turns()))
                .toList(),
        "max_length", maxLength,
        "batch_size", batchSize,
        "label_policy", policy,
        "sequences", packed.sequences(),
        "shortened_share", packed.shortenedShare(),
        "cut_turns", packed.cutTurns(),
        "target_token_share", packed.targetShare(),
        "padding_share",
            Output.ordered(
                "bucketed", packed.bucketedPadding(),
                "shuffled", packed.shuffledPadding(),
                "fixed", packed.fixedPadding()));
  }

  private static Map<String, @Nullable Object> json(Distribution d) {
    return Output.ordered(
        "least", d.least(),
        "mean", d.mean(),
        "median", d.median(),
        "p90", d.p90(),
        "p95", d.p95(),
        "p99", d.p99(),
        "most", d.greatest());
  }
}
