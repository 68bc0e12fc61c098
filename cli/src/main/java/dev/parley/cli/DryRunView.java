package dev.parley.cli;

import dev.parley.trainer.job.DryRun;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Shows what a training would learn: a few examples with the learned tokens marked. */
final class DryRunView {
  /** Enough to see how turns are joined and which are learned. */
  static final int EXAMPLES = 3;

  private static final String BOLD = "\u001b[1m";
  private static final String PLAIN = "\u001b[0m";

  private DryRunView() {}

  static void show(Output out, DryRun run) {
    out.object(json(run));
    boolean terminal = out.isTerminal();
    out.text(
        terminal ? "Examples; what is learned is bold:" : "Examples; what is learned is in [ ]:");
    for (List<DryRun.Piece> example : run.examples()) {
      StringBuilder line = new StringBuilder("  ");
      for (DryRun.Piece piece : example) {
        line.append(
            !piece.learned()
                ? piece.text()
                : terminal ? BOLD + piece.text() + PLAIN : "[" + piece.text() + "]");
      }
      out.text(line.toString());
    }
    out.text(
        "%d dialogues to train on in %d sequences, %d to evaluate on; %d steps"
            .formatted(
                run.trainingDialogues(),
                run.sequences(),
                run.evaluationDialogues(),
                run.totalSteps()));
    out.text(
        "%.1f%% of the tokens are learned; %.1f%% of the positions are padding; %.1f%% of the"
                .formatted(
                    100 * run.targetShare(), 100 * run.paddingShare(), 100 * run.shortenedShare())
            + " sequences are shortened");
    if (run.cutTurns() > 0) {
      out.text(
          "%d learned turns are longer than the maximum length and would lose their end: raise"
                  .formatted(run.cutTurns())
              + " --max-length");
    }
  }

  private static Map<String, Object> json(DryRun run) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("type", "dry_run");
    map.put("parameters", MessageMap.of(run.parameters()));
    map.put("training_dialogues", run.trainingDialogues());
    map.put("evaluation_dialogues", run.evaluationDialogues());
    map.put("total_steps", run.totalSteps());
    map.put("sequences", run.sequences());
    map.put("cut_turns", run.cutTurns());
    map.put("target_token_share", run.targetShare());
    map.put("padding_share", run.paddingShare());
    map.put("shortened_share", run.shortenedShare());
    map.put(
        "examples",
        run.examples().stream()
            .map(
                example ->
                    example.stream()
                        .map(
                            piece ->
                                Output.ordered("text", piece.text(), "learned", piece.learned()))
                        .toList())
            .toList());
    return map;
  }
}
