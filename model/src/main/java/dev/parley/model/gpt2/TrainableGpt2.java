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
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A GPT-2 whose weights move: gradients of one batch, one AdamW step, the loss of one batch. One
 * optimiser step is any number of {@link #addGradients} and one {@link #update}. Not thread-safe.
 */
public final class TrainableGpt2 implements AutoCloseable {
  /** Positions whose logits exist at the same time; 512 take 100 MB with GPT-2's vocabulary. */
  private static final int CHUNK = 512;

  private static final String LOSS_SCALE = "loss_scale";

  private final Gpt2Weights weights;
  private final NDManager scope;
  private final TorchProgram program;
  private final @Nullable Adapters adapters;

  /** In place of adapters where there are none: the program's lists are never empty. */
  private final NDList none;

  private @Nullable OptimizerState state;
  private @Nullable NDArray lossScaleState;
  private final LossScale lossScale = new LossScale();

  /** Whether the gradients that were added since the last update are scaled. */
  private boolean scaled;

  /** What training keeps beside what it trains: three times its memory, so not for evaluation. */
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
   * How a batch goes forward and backward.
   *
   * @param dropout in [0, 1)
   * @param seed of dropout's random numbers
   * @param arithmetic FLOAT32, BFLOAT16, or FLOAT16, whose gradients are scaled into its range
   * @param recompute keeps only what goes into each layer and computes the rest again on the way
   *     back: much less memory, about a third more time, the same gradients
   */
  public record Pass(double dropout, long seed, DataType arithmetic, boolean recompute) {}

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
    this(weights, null, 0);
  }

  /**
   * Makes adapters beside frozen weights trainable.
   *
   * @param weights the base; afterwards they hold base and adapters merged; stay the caller's
   * @param seed the adapters' first values are a function of it
   */
  public static TrainableGpt2 withAdapters(Gpt2Weights weights, Lora lora, long seed) {
    return new TrainableGpt2(weights, lora, seed);
  }

  private TrainableGpt2(Gpt2Weights weights, @Nullable Lora lora, long seed) {
    this.weights = weights;
    this.scope = weights.manager().newSubManager();
    this.program = Gpt2Program.load(scope, weights.config(), Precision.REFERENCE);
    this.adapters = lora == null ? null : new Adapters(weights, lora, seed, scope);
    this.none = new NDList(scope.zeros(new Shape(1)));
  }

  private OptimizerState state() {
    if (state == null) {
      state = new OptimizerState(zeros(), zeros(), zeros());
    }
    return state;
  }

  private NDList zeros() {
    NDList zeros = new NDList();
    for (NDArray parameter : trained()) {
      zeros.add(scope.zeros(parameter.getShape(), DataType.FLOAT32));
    }
    return zeros;
  }

  /** The weights as they stand; adapters are merged into them. */
  public Gpt2Weights weights() {
    if (adapters != null) {
      adapters.merge(program);
    }
    return weights;
  }

  /** What {@link #update} moves: the weights, or the adapters alone. */
  private NDList trained() {
    return adapters == null ? weights.arrays() : adapters.tensors();
  }

  private List<String> trainedNames() {
    return adapters == null
        ? Gpt2Layout.of(weights.config()).stream().map(Gpt2Layout.Entry::name).toList()
        : adapters.names();
  }

  /** How many numbers are trained. */
  public long trainedParameters() {
    return trained().stream().mapToLong(array -> array.getShape().size()).sum();
  }

  /**
   * All that a training needs, beside the weights it began with or reached, to go on: AdamW's
   * moments as {@code first.NAME} and {@code second.NAME}, adapters as {@code adapter.NAME} (then
   * the weights to begin with are the base's), the loss scale. The tensors stay this model's own.
   */
  public SortedMap<String, NDArray> trainingState() {
    SortedMap<String, NDArray> tensors = new TreeMap<>();
    put(tensors, "first.", state().firstMoments());
    put(tensors, "second.", state().secondMoments());
    if (adapters != null) {
      put(tensors, "adapter.", adapters.tensors());
    }
    if (lossScaleState != null) {
      lossScaleState.close();
    }
    lossScaleState = scope.create(lossScale.state());
    tensors.put(LOSS_SCALE, lossScaleState);
    return tensors;
  }

  private void put(SortedMap<String, NDArray> target, String prefix, NDList arrays) {
    List<String> names = trainedNames();
    for (int i = 0; i < names.size(); i++) {
      target.put(prefix + names.get(i), arrays.get(i));
    }
  }

  /**
   * Puts a {@link #trainingState} back.
   *
   * @param values in the order of its names
   */
  public void restoreTrainingState(NDList values) {
    SortedMap<String, NDArray> tensors = trainingState();
    copy(values, new NDList(tensors.values()));
    if (lossScaleState != null) {
      lossScale.restore(lossScaleState.toFloatArray());
    }
    if (adapters != null) {
      adapters.moved();
    }
  }

  /**
   * Whether the last {@link #update} changed nothing because fp16 had too little range for its
   * gradients; the next ones are scaled less.
   */
  public boolean skippedForRange() {
    return lossScale.lowered();
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

  /** The gradients added so far, in the order of what is trained. */
  public NDList gradients() {
    return state().gradients();
  }

  /** AdamW's first moments, in the order of what is trained. */
  public NDList firstMoments() {
    return state().firstMoments();
  }

  /** AdamW's second moments, in the order of what is trained. */
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
    return addGradients(batch, new Pass(dropout, seed, arithmetic, false));
  }

  /**
   * Adds the gradients of a batch's summed loss to those of this optimiser step, whose batches all
   * have the same arithmetic.
   *
   * @return the summed loss in nats
   */
  public double addGradients(Batch batch, Pass pass) {
    Torch.seed(pass.seed());
    scaled = pass.arithmetic() == DataType.FLOAT16;
    try (NDManager step = scope.newSubManager()) {
      NDArray options = step.create(options(pass));
      return program
          .differentiate(
              step,
              "gradients",
              List.of(
                  adapters == null ? weights.arrays() : adapters.frozen(),
                  adapters == null ? none : adapters.tensors(),
                  state().gradients()),
              ids(step, batch),
              vector(step, batch.learned()),
              vector(step, batch.labels()),
              options)
          .getDouble();
    }
  }

  private double[] options(Pass pass) {
    return new double[] {
      pass.dropout(),
      CHUNK,
      scalarType(pass.arithmetic()),
      scaled ? lossScale.value() : 1,
      pass.recompute() ? 1 : 0,
      adapters == null ? 0 : Lora.bits(adapters.lora().targets()),
      adapters == null ? 0 : adapters.lora().scale(),
      adapters == null ? 0 : adapters.lora().dropout()
    };
  }

  /** Number in {@code c10::ScalarType}. */
  private static int scalarType(DataType arithmetic) {
    return switch (arithmetic) {
      case FLOAT16 -> 5;
      case FLOAT32 -> 6;
      case BFLOAT16 -> 15;
      default ->
          throw new IllegalArgumentException(
              arithmetic + " cannot be trained with: use FLOAT32, BFLOAT16 or FLOAT16");
    };
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
              trained(), state().gradients(), state().firstMoments(), state().secondMoments())) {
        arguments.add(TorchProgram.list(group(list, decayed)));
      }
    }
    arguments.add(IValue.from((long) step));
    for (double number :
        new double[] {
          1 / (learnedTokens * (scaled ? lossScale.value() : 1)),
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
      float norm = program.tensor(result, "update", arguments.toArray(IValue[]::new)).getFloat();
      if (adapters != null) {
        adapters.moved();
      }
      if (scaled) {
        lossScale.after(Float.isFinite(norm));
      }
      return norm;
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
        IValue p = TorchProgram.list(weights().arrays());
        IValue ids = TorchProgram.argument(ids(result, batch));
        IValue learned = TorchProgram.argument(vector(result, batch.learned()));
        IValue labels = TorchProgram.argument(vector(result, batch.labels()));
        IValue chunk = IValue.from((long) CHUNK)) {
      double[] sums =
          program.tensor(result, "loss", p, ids, learned, labels, chunk).toDoubleArray();
      return new Loss(sums[0], Math.round(sums[1]));
    }
  }

  /** Every logit of right-padded sequences, adapters beside the weights, not merged into them. */
  float[] unmergedLogits(int[][] rows) {
    Adapters beside = java.util.Objects.requireNonNull(adapters, "this model has no adapters");
    try (NDManager result = scope.newSubManager();
        IValue p = TorchProgram.list(beside.frozen());
        IValue a = TorchProgram.list(beside.tensors());
        IValue ids = TorchProgram.argument(ids(result, new Batch(rows, new int[0], new int[0])));
        IValue targets = IValue.from((long) Lora.bits(beside.lora().targets()));
        IValue scale = IValue.from(beside.lora().scale())) {
      return program.tensor(result, "adapted_logits", p, a, ids, targets, scale).toFloatArray();
    }
  }

  private NDArray ids(NDManager manager, Batch batch) {
    for (int[] row : batch.ids()) {
      weights.config().requireTokens(row);
    }
    weights.config().requireTokens(batch.labels());
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
