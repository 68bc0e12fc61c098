package dev.parley.trainer.eval;

import dev.parley.model.gpt2.Gpt2Decoder;
import dev.parley.model.gpt2.TrainableGpt2;
import dev.parley.trainer.data.Batches;
import dev.parley.trainer.data.Sequence;
import java.util.List;

/**
 * How well a model predicts the learned tokens of dialogues.
 *
 * @param loss nats a learned token, over all of them: long replies weigh more than short ones
 * @param targetTokens the learned tokens
 * @param accuracy the share of them that the model finds most probable
 */
public record Evaluation(double loss, long targetTokens, double accuracy) {
  /**
   * Evaluates a model, without dropout.
   *
   * @param sequences at least one
   * @param batchSize sequences in one forward pass
   */
  public static Evaluation of(TrainableGpt2 model, List<Sequence> sequences, int batchSize) {
    double nats = 0;
    long hits = 0;
    for (List<Sequence> batch : Batches.byLength(sequences, batchSize)) {
      TrainableGpt2.Loss loss = model.loss(Batches.tensor(batch));
      nats += loss.nats();
      hits += loss.hits();
    }
    return of(nats, hits, sequences);
  }

  /**
   * Evaluates a model as it is served, in its decoder's precision.
   *
   * @param sequences at least one
   */
  static Evaluation of(Gpt2Decoder decoder, List<Sequence> sequences) {
    double nats = 0;
    long hits = 0;
    List<Gpt2Decoder.Scored> scored =
        sequences.stream()
            .map(sequence -> new Gpt2Decoder.Scored(sequence.ids(), sequence.labels()))
            .toList();
    for (Gpt2Decoder.Score score : decoder.scores(scored)) {
      nats += score.nats();
      hits += score.hits();
    }
    return of(nats, hits, sequences);
  }

  private static Evaluation of(double nats, long hits, List<Sequence> sequences) {
    long targets = sequences.stream().mapToLong(Sequence::targets).sum();
    return new Evaluation(nats / targets, targets, (double) hits / targets);
  }

  /** e to the loss: among how many equally probable tokens the model hesitates, on average. */
  public double perplexity() {
    return Math.exp(loss);
  }
}
