package dev.parley.trainer.job;

import ai.djl.Device;
import dev.parley.model.checkpoint.Gpt2Checkpoint;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.hub.Hub;
import dev.parley.model.hub.HubListener;
import dev.parley.model.registry.Registry;
import dev.parley.model.text.DialogueEncoder;
import dev.parley.model.text.Tokenizer;
import dev.parley.trainer.data.Sequence;
import dev.parley.trainer.data.Sequences;
import dev.parley.trainer.eval.Codec;
import dev.parley.trainer.loop.LoopListener;
import dev.parley.trainer.loop.Recipe;
import dev.parley.trainer.loop.TrainingLoop;
import dev.parley.v1.TrainRequest;
import dev.parley.v1.TrainingParameters;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What a training would do, without a step of it: the data is read, split, encoded and batched.
 *
 * @param parameters every one, defaults filled in
 * @param totalSteps optimiser steps
 * @param sequences that would be trained on
 * @param cutTurns learned turns that are longer than the maximum length and would lose their end
 * @param targetShare learned tokens of all tokens, padding left out
 * @param paddingShare padding of all positions, in one epoch
 * @param shortenedShare sequences shortened to the maximum length, of all
 * @param examples the first sequences
 */
public record DryRun(
    TrainingParameters parameters,
    int trainingDialogues,
    int evaluationDialogues,
    int totalSteps,
    int sequences,
    int cutTurns,
    double targetShare,
    double paddingShare,
    double shortenedShare,
    List<List<Piece>> examples) {

  /**
   * A stretch of an example.
   *
   * @param text as the model sees it; the end of a turn reads {@code <|endoftext|>}
   * @param learned whether its tokens are learned
   */
  public record Piece(String text, boolean learned) {}

  /**
   * Prepares a training.
   *
   * @param home where the registry and uploaded data are
   * @param request as {@link RequestValidation} accepts it
   * @param download hears how the download of a base model goes
   * @throws dev.parley.trainer.data.InvalidDataException as the job would fail
   * @throws IllegalArgumentException as the job would fail
   */
  public static DryRun of(Path home, TrainRequest request, int examples, HubListener download) {
    Registry registry = new Registry(home.resolve("registry"));
    Registration.requireDirection(
        registry, request.getModelName(), Recipes.direction(request.getParameters()));
    BaseModel base = BaseModel.locate(registry, request.getBaseModel(), Hub::ofProcess, download);
    Gpt2Config config = Gpt2Checkpoint.config(base.directory());
    Device device = Recipes.device(request.getParameters());
    Recipe recipe = Recipes.of(request.getParameters(), config, device);
    try (Tokenizer tokenizer = Tokenizer.load(base.directory())) {
      Codec codec = new Codec(new DialogueEncoder(tokenizer)::turn, tokenizer::decode);
      PreparedData data = PreparedData.of(home, request, recipe, codec);
      Sequences training = data.training();
      LoopListener.Plan plan = TrainingLoop.plan(training, recipe);
      return new DryRun(
          Recipes.parameters(
              recipe,
              plan,
              device,
              Recipes.promotion(request.getParameters()),
              data,
              CheckpointPolicy.of(request.getParameters())),
          training.dialogues(),
          data.evaluation().dialogues(),
          plan.totalSteps(),
          training.list().size(),
          training.cutTurns(),
          plan.targetShare(),
          plan.paddingShare(),
          plan.shortenedShare(),
          training.list().stream()
              .limit(examples)
              .map(sequence -> pieces(sequence, tokenizer))
              .toList());
    }
  }

  private static List<Piece> pieces(Sequence sequence, Tokenizer tokenizer) {
    int count = sequence.ids().length + 1;
    int[] tokens = Arrays.copyOf(sequence.ids(), count);
    int last = sequence.labels()[count - 2];
    tokens[count - 1] = last == Sequence.IGNORED ? tokenizer.endOfText() : last;
    List<Piece> pieces = new ArrayList<>();
    int start = 0;
    for (int at = 1; at <= count; at++) {
      if (at == count || learned(sequence, at) != learned(sequence, start)) {
        StringBuilder text = new StringBuilder();
        int from = start;
        for (int i = start; i < at; i++) { // whole stretches: a character may take several tokens
          if (tokens[i] == tokenizer.endOfText()) {
            text.append(tokenizer.decode(Arrays.copyOfRange(tokens, from, i)));
            text.append("<|endoftext|>");
            from = i + 1;
          }
        }
        text.append(tokenizer.decode(Arrays.copyOfRange(tokens, from, at)));
        pieces.add(new Piece(text.toString(), learned(sequence, start)));
        start = at;
      }
    }
    return pieces;
  }

  private static boolean learned(Sequence sequence, int token) {
    return token > 0 && sequence.labels()[token - 1] != Sequence.IGNORED;
  }
}
