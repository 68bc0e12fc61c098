package dev.parley.trainer.eval;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import dev.parley.model.checkpoint.Gpt2Checkpoint;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Gpt2Decoder;
import dev.parley.model.gpt2.Gpt2Weights;
import dev.parley.model.gpt2.Precision;
import dev.parley.model.gpt2.TrainableGpt2;
import dev.parley.model.registry.Direction;
import dev.parley.model.text.DialogueEncoder;
import dev.parley.model.text.Tokenizer;
import dev.parley.model.torch.Torch;
import dev.parley.trainer.data.Dialogue;
import dev.parley.trainer.data.LabelPolicy;
import dev.parley.trainer.data.Sequences;
import dev.parley.trainer.data.Turn;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A model directory evaluated on dialogues.
 *
 * @param evaluation loss, perplexity, accuracy
 * @param labelPolicy which tokens were to be predicted
 * @param direction in which order the model reads turns, as its lineage says
 * @param shortenedShare sequences that were shortened to the maximum length, of all
 * @param samples the greedy replies to the prompts that were asked for
 * @param generation of the replies to every dialogue's last turn, if asked for
 * @param changed the greedy replies that are not those of another precision, if asked for
 */
public record ModelEvaluation(
    Evaluation evaluation,
    LabelPolicy labelPolicy,
    Direction direction,
    double shortenedShare,
    List<Sample> samples,
    Optional<GenerationMetrics> generation,
    Optional<ChangedReplies> changed) {
  private static final int BATCH = 32;

  /**
   * What to evaluate.
   *
   * @param maxLength of a sequence in tokens; 0: the model's context, but at most 512
   * @param prompts to be answered
   * @param generate whether to answer every dialogue, too, and measure the replies
   * @param served the precision of a decoder that predicts as serving does; empty for the model as
   *     training evaluates it
   * @param against another precision, whose replies are compared with those of {@code served},
   *     which must be present then
   * @param openings how many different first turns are answered for that, at most
   */
  public record Options(
      LabelPolicy labelPolicy,
      int maxLength,
      List<String> prompts,
      boolean generate,
      Optional<Precision> served,
      Optional<Precision> against,
      int openings) {}

  /**
   * Evaluates a model.
   *
   * @param directory in Hugging Face layout, with the tokenizer's files
   * @param dialogues at least one
   * @throws dev.parley.model.checkpoint.CheckpointException if the directory holds no usable model
   * @throws IllegalArgumentException if the options do not fit it, or nothing is to be predicted
   */
  public static ModelEvaluation run(
      Path directory, List<Dialogue> dialogues, Options options, Device device) {
    Gpt2Config config = Gpt2Checkpoint.config(directory);
    Direction direction = Direction.of(directory);
    if (direction == Direction.BACKWARD && options.generate()) {
      throw new IllegalArgumentException(
          "%s holds a backward model, which does not reply; evaluate it without generating"
              .formatted(directory));
    }
    int maxLength =
        options.maxLength() == 0 ? Math.min(512, config.contextLength()) : options.maxLength();
    if (maxLength > config.contextLength()) {
      throw new IllegalArgumentException(
          "max_length is %d, but the model's context has %d tokens; lower it"
              .formatted(maxLength, config.contextLength()));
    }
    try (Tokenizer tokenizer = Tokenizer.load(directory);
        NDManager scope = Torch.newScope(device)) {
      Codec codec = new Codec(new DialogueEncoder(tokenizer)::turn, tokenizer::decode);
      Sequences sequences =
          Sequences.encode(
              dialogues, codec.encodeTurn(), options.labelPolicy(), direction, maxLength);
      Gpt2Weights weights = Gpt2Checkpoint.weights(directory, scope);
      Evaluation evaluation = evaluate(weights, sequences, options);
      return new ModelEvaluation(
          evaluation,
          options.labelPolicy(),
          direction,
          sequences.shortenedShare(),
          Sample.of(weights, options.prompts(), codec),
          options.generate() ? Optional.of(generate(weights, dialogues, codec)) : Optional.empty(),
          changed(weights, dialogues, codec, options));
    }
  }

  private static Evaluation evaluate(Gpt2Weights weights, Sequences sequences, Options options) {
    if (options.served().isPresent()) {
      try (Gpt2Decoder decoder = Gpt2Decoder.load(weights, options.served().get())) {
        return Evaluation.of(decoder, sequences.list());
      }
    }
    try (TrainableGpt2 model = new TrainableGpt2(weights)) {
      return Evaluation.of(model, sequences.list(), BATCH);
    }
  }

  private static Optional<ChangedReplies> changed(
      Gpt2Weights weights, List<Dialogue> dialogues, Codec codec, Options options) {
    if (options.against().isEmpty()) {
      return Optional.empty();
    }
    List<int[]> openings =
        dialogues.stream()
            .map(dialogue -> dialogue.turns().get(0).text())
            .distinct()
            .limit(options.openings())
            .map(codec.encodeTurn())
            .toList();
    try (Gpt2Decoder decoder = Gpt2Decoder.load(weights, options.served().orElseThrow());
        Gpt2Decoder against = Gpt2Decoder.load(weights, options.against().get())) {
      return Optional.of(ChangedReplies.of(decoder, against, openings));
    }
  }

  /** Answers what was said before each dialogue's last turn, which is the reference. */
  private static GenerationMetrics generate(
      Gpt2Weights weights, List<Dialogue> dialogues, Codec codec) {
    List<int[]> histories = new ArrayList<>();
    List<String> references = new ArrayList<>();
    for (Dialogue dialogue : dialogues) {
      int last = dialogue.turns().size() - 1;
      histories.add(
          dialogue.turns().subList(0, last).stream()
              .map(Turn::text)
              .map(codec.encodeTurn())
              .flatMapToInt(java.util.Arrays::stream)
              .toArray());
      references.add(dialogue.turns().get(last).text());
    }
    return GenerationMetrics.of(
        Replies.greedy(weights, histories).stream().map(codec.decode()).toList(), references);
  }
}
