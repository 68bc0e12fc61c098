package dev.parley.trainer.loop;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Gpt2Weights;
import dev.parley.model.gpt2.TrainableGpt2;
import dev.parley.model.torch.Torch;
import java.util.SplittableRandom;

/** How fast optimiser steps are: random weights, random tokens, every one of them learned. */
public final class TrainBench {
  private static final int WARM_UP = 2;

  private TrainBench() {}

  /**
   * What was measured.
   *
   * @param milliseconds an optimiser step takes
   */
  public record Result(double tokensPerSecond, double milliseconds) {}

  /**
   * Measures optimiser steps.
   *
   * @param arithmetic FLOAT32 or BFLOAT16
   * @param batchSize sequences in a step
   * @param length tokens in a sequence
   * @param steps that are timed, after two that are not
   */
  public static Result run(
      Gpt2Config config, DataType arithmetic, Device device, int batchSize, int length, int steps) {
    TrainableGpt2.AdamW adamW = new TrainableGpt2.AdamW(1e-4, 0.9, 0.999, 1e-8, 0.01, 1);
    TrainableGpt2.Batch batch = batch(config, batchSize, length);
    int learned = batch.labels().length;
    try (NDManager scope = Torch.newScope(device);
        Gpt2Weights weights = Gpt2Weights.random(config, 1, scope);
        TrainableGpt2 model = new TrainableGpt2(weights)) {
      long start = 0;
      for (int step = 1; step <= WARM_UP + steps; step++) {
        model.addGradients(batch, config.dropout(), step, arithmetic);
        model.update(step, learned, adamW);
        if (step == WARM_UP) {
          start = System.nanoTime();
        }
      }
      double seconds = (System.nanoTime() - start) / 1e9;
      return new Result((double) steps * batchSize * length / seconds, 1000 * seconds / steps);
    }
  }

  private static TrainableGpt2.Batch batch(Gpt2Config config, int batchSize, int length) {
    SplittableRandom random = new SplittableRandom(1);
    int[][] ids = new int[batchSize][length];
    int[] learned = new int[batchSize * (length - 1)];
    int[] labels = new int[learned.length];
    for (int[] row : ids) {
      for (int i = 0; i < length; i++) {
        row[i] = random.nextInt(config.vocabularySize());
      }
    }
    for (int i = 0; i < learned.length; i++) {
      int row = i / (length - 1);
      int column = i % (length - 1);
      learned[i] = row * length + column;
      labels[i] = ids[row][column + 1];
    }
    return new TrainableGpt2.Batch(ids, learned, labels);
  }
}
