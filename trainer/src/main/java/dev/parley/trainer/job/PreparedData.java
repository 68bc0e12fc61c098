package dev.parley.trainer.job;

import dev.parley.model.registry.Direction;
import dev.parley.trainer.data.Dialogue;
import dev.parley.trainer.data.LabelPolicy;
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
 * @param direction in which order turns are read
 * @param overfitBatches how many batches are learned and evaluated alone; 0: all there are
 */
record PreparedData(
    Sequences training,
    Sequences evaluation,
    List<Dialogue> evaluationDialogues,
    Optional<List<Sequence>> padded,
    List<String> prompts,
    String digest,
    String evaluationDigest,
    Direction direction,
    int overfitBatches) {
  /** Asked when the request names no prompts: enough to see a change, few enough to read. */
  private static final int DEFAULT_PROMPTS = 4;

  static PreparedData of(Path home, TrainRequest request, Recipe recipe, Codec codec) {
    List<Dialogue> all = DataSources.read(home, request.getDataList());
    Split split;
    if (request.getEvaluationDataCount() > 0) {
      split = new Split(all, DataSources.read(home, request.getEvaluationDataList()));
    } else if (recipe.evaluationShare() > 0) {
      split = Split.of(all, recipe.evaluationShare(), recipe.seed());
    } else {
      split = new Split(all, all);
    }
    Direction direction = Recipes.direction(request.getParameters());
    boolean padded = recipe.preset().equals(Recipe.SEED);
    int overfit = request.getParameters().getOverfitBatches();
    if (overfit > 0) {
      split = fewest(split.training(), overfit * recipe.batchSize());
    }
    return new PreparedData(
        encode(split.training(), recipe.labelPolicy(), recipe, codec, direction),
        encode(split.evaluation(), recipe.labelPolicy(), recipe, codec, direction),
        split.evaluation(),
        padded
            ? Optional.of(
                encode(split.evaluation(), LabelPolicy.PADDED, recipe, codec, direction).list())
            : Optional.empty(),
        prompts(request, read(split.evaluation(), direction)),
        Dialogue.digest(split.training()),
        Dialogue.digest(split.evaluation()),
        direction,
        overfit);
  }

  /** The first dialogues, to be learned and to be evaluated on; a long one may be several rows. */
  private static Split fewest(List<Dialogue> training, int count) {
    List<Dialogue> first = training.subList(0, Math.min(count, training.size()));
    return new Split(first, first);
  }

  private static Sequences encode(
      List<Dialogue> dialogues,
      LabelPolicy policy,
      Recipe recipe,
      Codec codec,
      Direction direction) {
    return Sequences.encode(dialogues, codec.encodeTurn(), policy, direction, recipe.maxLength());
  }

  private static List<Dialogue> read(List<Dialogue> dialogues, Direction direction) {
    return dialogues.stream().map(dialogue -> new Dialogue(dialogue.turns(direction))).toList();
  }

  /** A backward model is asked what was said before the last turn of a dialogue. */
  private static List<String> prompts(TrainRequest request, List<Dialogue> evaluation) {
    if (request.getSamplePromptsCount() > 0) {
      return request.getSamplePromptsList();
    }
    return evaluation.stream()
        .map(dialogue -> dialogue.turns().get(0))
        .filter(
            turn ->
                Recipes.direction(request.getParameters()) == Direction.BACKWARD
                    || !turn.role().equals(Turn.ASSISTANT))
        .map(Turn::text)
        .distinct()
        .limit(DEFAULT_PROMPTS)
        .toList();
  }
}
