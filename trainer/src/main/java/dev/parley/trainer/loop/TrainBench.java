package dev.parley.trainer.loop;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Gpt2Weights;
import dev.parley.model.gpt2.TrainableGpt2;
import dev.parley.model.torch.Torch;
import dev.parley.trainer.data.Batches;
import dev.parley.trainer.data.LabelPolicy;
import dev.parley.trainer.data.Sequence;
import dev.parley.trainer.data.Sequences;
import dev.parley.trainer.eval.Evaluation;
import dev.parley.trainer.loop.LoopListener.Evaluated;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.SplittableRandom;

/**
 * How fast the training loop is on random weights, and how fast one that pads every batch to one
 * length and makes all logits. Tokens are those of dialogues: padding never counts.
 *
 * @param arithmetic FLOAT32 or BFLOAT16
 * @param batchSize sequences in a step
 * @param length that sequences have at most, and that the plain loop pads to
 * @param steps that are timed, after {@value #WARM_UP} that are not
 */
public record TrainBench(
    Gpt2Config config, DataType arithmetic, Device device, int batchSize, int length, int steps) {
  private static final int WARM_UP = 2;
  private static final long SEED = 1;

  // Of self-dialogues as people had them: half have less than 170 tokens, one in a hundred over
  // 500.
  private static final double MEDIAN_LENGTH = 170;
  private static final double LOG_DEVIATION = 0.47;
  private static final int TURN_LENGTH = 13;

  /**
   * What was measured of one loop.
   *
   * @param milliseconds an optimiser step takes
   * @param paddingShare of all positions that were computed
   * @param outsideShare of the time that was not spent inside libtorch
   */
  public record Result(
      double tokensPerSecond, double milliseconds, double paddingShare, double outsideShare) {}

  /** Checks the settings. */
  public TrainBench {
    if (batchSize < 1 || steps < 1 || length < 4 || length > config.contextLength()) {
      throw new IllegalArgumentException(
          "batch size %d, length %d, %d steps: there must be at least 1, from 4 to %d, and 1"
              .formatted(batchSize, length, steps, config.contextLength()));
    }
  }

  /**
   * Sequences of random tokens, about as long as people's dialogues; first turns are not learned.
   */
  public Sequences synthetic() {
    SplittableRandom random = new SplittableRandom(SEED);
    List<Sequence> list = new ArrayList<>();
    for (int i = 0; i < batchSize * Math.max(100, WARM_UP + steps); i++) {
      double tokens = MEDIAN_LENGTH * Math.exp(LOG_DEVIATION * random.nextGaussian());
      int[] all =
          random
              .ints((int) Math.max(4, Math.min(length, tokens)) + 1L, 0, config.vocabularySize())
              .toArray();
      int[] ids = new int[all.length - 1];
      int[] labels = new int[ids.length];
      for (int at = 0; at < ids.length; at++) {
        ids[at] = all[at];
        boolean first = at < Math.min(TURN_LENGTH, ids.length / 2);
        labels[at] = first ? Sequence.IGNORED : all[at + 1];
      }
      list.add(new Sequence(ids, labels, false));
    }
    return new Sequences(list, list.size(), 0);
  }

  /** The loop that trains. */
  public Result loop(Sequences data) {
    try (NDManager scope = Torch.newScope(device);
        Gpt2Weights weights = Gpt2Weights.random(config, SEED, scope);
        TrainableGpt2 model = new TrainableGpt2(weights)) {
      Watch watch = new Watch(model);
      Recipe recipe = recipe();
      DataOrder order = new DataOrder(data.list(), batchSize, 1, SEED);
      var unused =
          new TrainingLoop(model, data, TrainBench::nothing, recipe, watch)
              .fit(() -> watch.steps == WARM_UP + steps);
      long tokens = 0;
      List<List<Sequence>> batches = new ArrayList<>();
      for (int step = WARM_UP + 1; step <= WARM_UP + steps; step++) {
        batches.addAll(order.batches(step));
      }
      for (List<Sequence> batch : batches) {
        tokens += Batches.tokens(batch);
      }
      return result(tokens, watch.nanos(), watch.inside(), Batches.paddingShare(batches));
    }
  }

  /** A loop as it is usually written. */
  public Result plain(Sequences data) {
    List<Sequence> order =
        Batches.ofEpoch(data.list(), 1, SEED, 0).stream().flatMap(List::stream).toList();
    TrainableGpt2.AdamW adamW = new TrainableGpt2.AdamW(1e-4, 0.9, 0.999, 1e-8, 0.01, 1);
    try (NDManager scope = Torch.newScope(device);
        Gpt2Weights weights = Gpt2Weights.random(config, SEED, scope);
        TrainableGpt2 model = new TrainableGpt2(weights);
        PlainLoop loop = new PlainLoop(model)) {
      long begin = 0;
      long inside = 0;
      long tokens = 0;
      for (int step = 1; step <= WARM_UP + steps; step++) {
        int from = (step - 1) * batchSize % order.size();
        List<Sequence> batch = order.subList(from, Math.min(order.size(), from + batchSize));
        double unused = loop.step(step, batch, length, config.dropout(), arithmetic, adamW);
        if (step > WARM_UP) {
          tokens += Batches.tokens(batch);
        } else {
          begin = System.nanoTime();
          inside = loop.nanosInside();
        }
      }
      long positions = (long) steps * batchSize * length;
      return result(
          tokens,
          System.nanoTime() - begin,
          loop.nanosInside() - inside,
          1 - (double) tokens / positions);
    }
  }

  private Result result(long tokens, long nanos, long inside, double paddingShare) {
    return new Result(
        tokens * 1e9 / nanos, nanos / 1e6 / steps, paddingShare, 1 - (double) inside / nanos);
  }

  private Recipe recipe() {
    return new Recipe(
        "default",
        OptionalDouble.empty(),
        OptionalInt.of(WARM_UP + steps + 1), // it is stopped before its last step and evaluation
        batchSize,
        1,
        1e-4,
        Schedule.CONSTANT,
        OptionalInt.of(0),
        0.01,
        1,
        length,
        LabelPolicy.REPLIES,
        0,
        SEED,
        arithmetic,
        config.dropout(),
        0,
        0,
        Recipe.Footprint.FULL);
  }

  private static Evaluated nothing(int step) {
    return new Evaluated(step, new Evaluation(0, 1, 0), List.of(), OptionalDouble.empty());
  }

  /** Takes the time of steps from outside. */
  private static final class Watch implements LoopListener {
    private final TrainableGpt2 model;
    private int steps;
    private long begin;
    private long end;
    private long insideAtBegin;
    private long insideAtEnd;

    Watch(TrainableGpt2 model) {
      this.model = model;
    }

    long nanos() {
      return end - begin;
    }

    long inside() {
      return insideAtEnd - insideAtBegin;
    }

    @Override
    public void started(Plan plan) {}

    @Override
    public void step(Step step) {
      steps = step.number();
      end = System.nanoTime();
      insideAtEnd = model.nanosInside();
      if (steps == WARM_UP) {
        begin = end;
        insideAtBegin = insideAtEnd;
      }
    }

    @Override
    public void evaluated(Evaluated evaluated) {}
  }
}
