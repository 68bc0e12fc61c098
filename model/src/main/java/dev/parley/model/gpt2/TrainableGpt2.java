package dev.parley.model.gpt2;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.IValue;
import dev.parley.model.torch.Torch;
import dev.parley.model.torch.TorchProgram;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A GPT-2 whose weights move: gradients of one batch, one AdamW step, the loss of one batch. One
 * optimiser step is any number of {@link #addGradients} and one {@link #update}. Not thread-safe.
 */
public final class TrainableGpt2 implements AutoCloseable {
  /** Positions whose logits exist at the same time; 512 take 100 MB with GPT-2's vocabulary. */
  private static final int CHUNK = 512;

  private final Gpt2Weights weights;
  private final NDManager scope;
  private final TorchProgram program;
  private @Nullable OptimizerState state;

  /** What training keeps beside the weights: three times their memory, so not for evaluation. */
  private record OptimizerState(NDList gradients, NDList firstMoments, NDList secondMoments) {}

  /**
   * Right-padded sequences and what is to be learned from them.
   *
   * @param ids [batch][time], any token on padding
   * @param learned positions, counted row by row as {@code row * time + column}, whose next token
   *     is learned
   * @param labels those next tokens
   */
  public record Batch(int[][] ids, int[] learned, int[] labels) {}

  /**
   * The numbers of an AdamW step.
   *
   * @param maxGradientNorm the global norm is clipped here; 0 does not clip
   */
  public record AdamW(
      double learningRate,
      double beta1,
      double beta2,
      double epsilon,
      double weightDecay,
      double maxGradientNorm) {}

  /**
   * The summed loss of a batch.
   *
   * @param nats over all learned tokens
   * @param hits learned tokens that the model finds most probable
   */
  public record Loss(double nats, long hits) {}

  /**
   * Makes weights trainable.
   *
   * @param weights changed in place by {@link #update}; stay the caller's
   */
  public TrainableGpt2(Gpt2Weights weights) {
    this.weights = weights;
    this.scope = weights.manager().newSubManager();
    this.program = Gpt2Program.load(scope, weights.config(), Precision.REFERENCE);
  }

  private OptimizerState state() {
    if (state == null) {
      state = new OptimizerState(zeros(), zeros(), zeros());
    }
    return state;
  }

  private NDList zeros() {
    NDList zeros = new NDList();
    for (NDArray parameter : weights.arrays()) {
      zeros.add(scope.zeros(parameter.getShape(), DataType.FLOAT32));
    }
    return zeros;
  }

  /** The weights. */
  public Gpt2Weights weights() {
    return weights;
  }

  /**
   * Copies tensors into others of the same shapes, in place. DJL's own {@code NDArray.copyTo} makes
   * libtorch 2.7 print a deprecation warning where users see it.
   */
  public void copy(NDList source, NDList target) {
    try (IValue from = TorchProgram.list(source);
        IValue to = TorchProgram.list(target)) {
      program.call("copy", from, to).close();
    }
  }

  /** Nanoseconds spent inside libtorch so far: see {@link TorchProgram#nanosInside}. */
  public long nanosInside() {
    return program.nanosInside();
  }

  /** The gradients added so far, in the order of the weights. */
  public NDList gradients() {
    return state().gradients();
  }

  /** AdamW's first moments, in the order of the weights. */
  public NDList firstMoments() {
    return state().firstMoments();
  }

  /** AdamW's second moments, in the order of the weights. */
  public NDList secondMoments() {
    return state().secondMoments();
  }

  /**
   * Adds the gradients of a batch's summed loss to those of this optimiser step.
   *
   * @param dropout in [0, 1)
   * @param seed of dropout's random numbers
   * @param arithmetic FLOAT32, or BFLOAT16 for the forward and backward pass
   * @return the summed loss in nats
   */
  public double addGradients(Batch batch, double dropout, long seed, DataType arithmetic) {
    Torch.seed(seed);
    try (NDManager step = scope.newSubManager()) {
      int dtype = arithmetic == DataType.BFLOAT16 ? 15 : 6; // c10::ScalarType
      NDArray options = step.create(new double[] {dropout, CHUNK, dtype});
      return program
          .differentiate(
              step,
              "gradients",
              List.of(weights.arrays(), state().gradients()),
              ids(step, batch),
              vector(step, batch.learned()),
              vector(step, batch.labels()),
              options)
          .getDouble();
    }
  }

  /**
   * One AdamW step with the gradients added so far, which are zero afterwards. A step whose
   * gradient is not finite changes nothing.
   *
   * @param step counts from 1, for the bias correction
   * @param learnedTokens of all batches of this step: the gradient is that of the mean loss
   * @return the gradient's global norm before clipping
   */
  public double update(int step, long learnedTokens, AdamW adamW) {
    List<IValue> arguments = new ArrayList<>();
    for (boolean decayed : new boolean[] {true, false}) {
      for (NDList list :
          List.of(
              weights.arrays(),
              state().gradients(),
              state().firstMoments(),
              state().secondMoments())) {
        arguments.add(TorchProgram.list(group(list, decayed)));
      }
    }
    arguments.add(IValue.from((long) step));
    for (double number :
        new double[] {
          1.0 / learnedTokens,
          adamW.maxGradientNorm(),
          adamW.learningRate(),
          adamW.beta1(),
          adamW.beta2(),
          adamW.epsilon(),
          adamW.weightDecay()
        }) {
      arguments.add(IValue.from(number));
    }
    try (NDManager result = scope.newSubManager()) {
      return program.tensor(result, "update", arguments.toArray(IValue[]::new)).getFloat();
    } finally {
      arguments.forEach(IValue::close);
    }
  }

  /** Matrices and embeddings decay, vectors (biases, LayerNorm) do not. */
  private static List<NDArray> group(NDList arrays, boolean decayed) {
    return arrays.stream().filter(a -> (a.getShape().dimension() >= 2) == decayed).toList();
  }

  /** The loss of a batch as the weights stand, without dropout. */
  public Loss loss(Batch batch) {
    try (NDManager result = scope.newSubManager();
        IValue p = TorchProgram.list(weights.arrays());
        IValue ids = TorchProgram.argument(ids(result, batch));
        IValue learned = TorchProgram.argument(vector(result, batch.learned()));
        IValue labels = TorchProgram.argument(vector(result, batch.labels()));
        IValue chunk = IValue.from((long) CHUNK)) {
      double[] sums =
          program.tensor(result, "loss", p, ids, learned, labels, chunk).toDoubleArray();
      return new Loss(sums[0], Math.round(sums[1]));
    }
  }

  private static NDArray ids(NDManager manager, Batch batch) {
    int time = batch.ids()[0].length;
    long[] flat = new long[batch.ids().length * time];
    for (int row = 0; row < batch.ids().length; row++) {
      for (int column = 0; column < time; column++) {
        flat[row * time + column] = batch.ids()[row][column];
      }
    }
    return manager.create(flat, new Shape(batch.ids().length, time));
  }

  private static NDArray vector(NDManager manager, int[] values) {
    long[] longs = new long[values.length];
    for (int i = 0; i < values.length; i++) {
      longs[i] = values[i];
    }
    return manager.create(longs);
  }

  /** Frees gradients and moments; the weights stay. */
  @Override
  public void close() {
    program.close();
    scope.close();
  }
}
