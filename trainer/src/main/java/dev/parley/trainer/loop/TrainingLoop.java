package dev.parley.trainer.loop;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.parley.model.gpt2.Gpt2Weights;
import dev.parley.model.gpt2.TrainableGpt2;
import dev.parley.trainer.data.Batches;
import dev.parley.trainer.data.Sequence;
import dev.parley.trainer.data.Sequences;
import dev.parley.trainer.data.Shuffle;
import dev.parley.trainer.loop.LoopListener.Evaluated;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Fine-tunes a model.
 *
 * <p>Everything random is a function of (seed, step, micro-step): the same model, data and recipe
 * give the same weights on the same machine, without a break or with any number of them. "The same
 * machine" means as many threads, too: libtorch adds up in another order with another number.
 */
public final class TrainingLoop {
  /** One bad batch is skipped by the optimiser; this many in a row will not get better. */
  private static final int MAX_NON_FINITE_STEPS = 3;

  // Of AdamW (Loshchilov and Hutter 2019), as Hugging Face's Trainer has them.
  private static final double BETA1 = 0.9;
  private static final double BETA2 = 0.999;
  private static final double EPSILON = 1e-8;

  private final TrainableGpt2 model;
  private final Sequences data;
  private final Evaluator evaluator;
  private final Recipe recipe;
  private final LoopListener listener;

  /** Evaluates the model that is trained. */
  public interface Evaluator {
    /** The model as its weights stand after a step. */
    Evaluated evaluate(int step);
  }

  /**
   * A training that is ready to begin.
   *
   * @param model its weights move
   */
  public TrainingLoop(
      TrainableGpt2 model,
      Sequences data,
      Evaluator evaluator,
      Recipe recipe,
      LoopListener listener) {
    this.model = model;
    this.data = data;
    this.evaluator = evaluator;
    this.recipe = recipe;
    this.listener = listener;
  }

  /** Trains from the first step on and keeps no checkpoints; see the other {@code fit}. */
  public Outcome fit(BooleanSupplier stop) {
    return fit(Optional.empty(), Checkpointer.NONE, stop);
  }

  /**
   * Trains.
   *
   * @param from a checkpoint, whose weights and moments the model has; empty: the first step
   * @param stop asked before each step
   */
  public Outcome fit(Optional<Restored> from, Checkpointer checkpoints, BooleanSupplier stop) {
    DataOrder order = order(data, recipe);
    LoopListener.Plan plan = plan(data, recipe);
    int totalSteps = plan.totalSteps();
    int warmupSteps = plan.warmupSteps();
    Progress progress = from.map(Restored::progress).orElseGet(() -> begin(plan));
    Evaluated before = progress.before();
    int first = progress.step();
    int done = first;
    int nonFinite = progress.nonFiniteSteps();
    double loss = progress.loss();
    long training = 0; // nanoseconds spent on steps since `first`
    try (Best best = new Best(model)) {
      from.ifPresent(best::restore);
      while (done < totalSteps && !exhausted(best)) {
        if (stop.getAsBoolean()) {
          checkpoints.save(progress, best.weights());
          return new Outcome.Stopped(done);
        }
        int step = done + 1;
        long start = System.nanoTime();
        double nats = 0;
        int targets = 0;
        long tokens = 0;
        int micro = 0;
        for (List<Sequence> sequences : order.batches(step)) {
          TrainableGpt2.Batch batch = Batches.tensor(sequences);
          long seed = Shuffle.mix(recipe.seed(), step, micro);
          nats += model.addGradients(batch, pass(seed));
          targets += batch.labels().length;
          tokens += Batches.tokens(sequences);
          micro++;
        }
        double rate =
            recipe.schedule().rate(step - 1, recipe.learningRate(), warmupSteps, totalSteps);
        double norm = model.update(step, targets, adamW(rate)); // of the mean over all `targets`
        loss = nats / targets;
        long elapsed = System.nanoTime() - start;
        training += elapsed;
        done = step;
        listener.step(
            new LoopListener.Step(
                step,
                totalSteps,
                (double) step / order.stepsPerEpoch(),
                loss,
                rate,
                norm,
                targets,
                tokens * 1e9 / elapsed,
                Duration.ofNanos(training / (step - first) * (totalSteps - step))));

        boolean finite =
            Double.isFinite(loss) && (Double.isFinite(norm) || model.skippedForRange());
        nonFinite = finite ? 0 : nonFinite + 1;
        if (nonFinite == MAX_NON_FINITE_STEPS) {
          Optional<Evaluated> kept = best.putBack();
          kept.ifPresent(evaluated -> checkpoints.saveBest(evaluated.step(), model.weights()));
          return new Outcome.Diverged(step, diverged(step, loss, norm), kept);
        }
        if (recipe.evaluationSteps() > 0
            && (step % recipe.evaluationSteps() == 0 || step == totalSteps)) {
          best.offer(evaluate(step));
        }
        progress =
            new Progress(
                step,
                loss,
                before,
                best.evaluated(),
                best.evaluationsSince(),
                nonFinite,
                progress.seconds() + elapsed / 1e9);
        if (checkpoints.due(step, step == totalSteps || exhausted(best))) {
          checkpoints.save(progress, best.weights());
        }
      }
      Evaluated after = best.putBack().orElse(null);
      return new Outcome.Finished(
          before,
          after == null ? evaluate(done) : after,
          done,
          done < totalSteps,
          progress.seconds());
    }
  }

  private Progress begin(LoopListener.Plan plan) {
    listener.started(plan);
    return new Progress(0, Double.NaN, evaluate(0), Optional.empty(), 0, 0, 0);
  }

  private boolean exhausted(Best best) {
    return recipe.patience() > 0 && best.evaluationsSince() >= recipe.patience();
  }

  /** What a training would do. */
  public static LoopListener.Plan plan(Sequences data, Recipe recipe) {
    DataOrder order = order(data, recipe);
    int totalSteps = recipe.totalSteps(order.stepsPerEpoch());
    return new LoopListener.Plan(
        totalSteps,
        order.stepsPerEpoch(),
        recipe.warmupSteps(totalSteps),
        data.targetShare(),
        order.paddingShare(),
        data.shortenedShare());
  }

  private static DataOrder order(Sequences data, Recipe recipe) {
    return new DataOrder(
        data.list(), recipe.batchSize(), recipe.gradientAccumulation(), recipe.seed());
  }

  private Evaluated evaluate(int step) {
    Evaluated evaluated = evaluator.evaluate(step);
    listener.evaluated(evaluated);
    return evaluated;
  }

  private TrainableGpt2.Pass pass(long seed) {
    return new TrainableGpt2.Pass(
        recipe.dropout(), seed, recipe.arithmetic(), recipe.footprint().recompute());
  }

  private TrainableGpt2.AdamW adamW(double rate) {
    return new TrainableGpt2.AdamW(
        rate, BETA1, BETA2, EPSILON, recipe.weightDecay(), recipe.maxGradientNorm());
  }

  private String diverged(int step, double loss, double norm) {
    return ("training diverged: %d steps in a row up to step %d were not finite (loss %s, gradient"
            + " norm %s); lower the learning rate of %s or warm up longer")
        .formatted(MAX_NON_FINITE_STEPS, step, loss, norm, recipe.learningRate());
  }

  /** A copy of the weights with the lowest evaluation loss so far. */
  private static final class Best implements AutoCloseable {
    private final TrainableGpt2 model;
    private @Nullable Evaluated evaluated;
    private @Nullable Gpt2Weights copy;
    private int evaluationsSince;

    Best(TrainableGpt2 model) {
      this.model = model;
    }

    void restore(Restored from) {
      evaluationsSince = from.progress().evaluationsSinceBest();
      if (from.best().isPresent()) {
        copy = from.best().get();
        evaluated = from.progress().best().orElseThrow();
      }
    }

    void offer(Evaluated candidate) {
      double loss = candidate.evaluation().loss();
      if (Double.isNaN(loss) || (evaluated != null && loss >= evaluated.evaluation().loss())) {
        evaluationsSince++;
        return;
      }
      evaluationsSince = 0;
      if (copy == null) {
        copy = copyOf(model.weights());
      } else {
        model.copy(model.weights().arrays(), copy.arrays());
      }
      evaluated = candidate;
    }

    private static Gpt2Weights copyOf(Gpt2Weights weights) {
      NDManager manager = weights.manager().newSubManager();
      NDList arrays = new NDList();
      for (NDArray parameter : weights.arrays()) {
        NDArray duplicate = parameter.duplicate();
        duplicate.attach(manager);
        arrays.add(duplicate);
      }
      return new Gpt2Weights(weights.config(), manager, arrays);
    }

    Optional<Evaluated> evaluated() {
      return Optional.ofNullable(evaluated);
    }

    Optional<Gpt2Weights> weights() {
      return Optional.ofNullable(copy);
    }

    /** Evaluations after the best one. */
    int evaluationsSince() {
      return evaluationsSince;
    }

    /** Puts the best weights back; nothing where none was offered. */
    Optional<Evaluated> putBack() {
      if (copy != null) {
        model.copy(copy.arrays(), model.weights().arrays());
      }
      return evaluated();
    }

    @Override
    public void close() {
      if (copy != null) {
        copy.close();
      }
    }
  }
}
