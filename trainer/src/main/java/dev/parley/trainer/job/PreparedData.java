package dev.parley.trainer.job;

import dev.parley.trainer.data.Dialogue;
import dev.parley.trainer.data.Sequence;
import dev.parley.trainer.data.Sequences;
import dev.parley.trainer.data.Split;
import dev.parley.trainer.data.Turn;
import dev.parley.trainer.eval.Codec;
import dev.parley.trainer.loop.Recipe;
import dev.parley.v1.TrainRequest;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The data of a job, read, split and encoded.
 *
 * @param evaluationDialogues as text, for encoding by another model's tokenizer
 * @param padded the evaluation dialogues as the preset `seed` counts them, only with that
 * @param prompts to be answered at each evaluation
 * @param digest SHA-256 over the training dialogues
 * @param evaluationDigest SHA-256 over the evaluation dialogues
 */
record PreparedData(
    Sequences training,
    Sequences evaluation,
    List<Dialogue> evaluationDialogues,
    Optional<List<Sequence>> padded,
    List<String> prompts,
    String digest,
    String evaluationDigest) {
  /** Asked when the request names no prompts: enough to see a change, few enough to read. */
  private static final int DEFAULT_PROMPTS = 4;

  static PreparedData of(Path home, TrainRequest request, Recipe recipe, Codec codec, int eos) {
    List<Dialogue> all = DataSources.read(home, request.getDataList());
    Split split;
    if (request.getEvaluationDataCount() > 0) {
      split = new Split(all, DataSources.read(home, request.getEvaluationDataList()));
    } else if (recipe.evaluationShare() > 0) {
      split = Split.of(all, recipe.evaluationShare(), recipe.seed());
    } else {
      split = new Split(all, all);
    }
    boolean padded = recipe.preset().equals(Recipe.SEED);
    return new PreparedData(
        encode(split.training(), recipe, codec),
        encode(split.evaluation(), recipe, codec),
        split.evaluation(),
        padded
            ? Optional.of(PaddedLabels.of(split.evaluation(), codec, recipe.maxLength(), eos))
            : Optional.empty(),
        prompts(request, split.evaluation()),
        Dialogue.digest(split.training()),
        Dialogue.digest(split.evaluation()));
  }

  private static Sequences encode(List<Dialogue> dialogues, Recipe recipe, Codec codec) {
    return Sequences.encode(
        dialogues, codec.encodeTurn(), recipe.labelPolicy(), recipe.maxLength());
  }

  private static List<String> prompts(TrainRequest request, List<Dialogue> evaluation) {
    if (request.getSamplePromptsCount() > 0) {
      return request.getSamplePromptsList();
    }
    return evaluation.stream()
        .map(dialogue -> dialogue.turns().get(0))
        .filter(turn -> !turn.role().equals(Turn.ASSISTANT))
        .map(Turn::text)
        .distinct()
        .limit(DEFAULT_PROMPTS)
        .toList();
  }
}
