package dev.parley.model.gpt2;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.jni.IValue;
import dev.parley.model.torch.Torch;
import dev.parley.model.torch.TorchProgram;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A GPT-2 that reads tokens and gives logits, many conversations in one call. Not thread-safe: one
 * thread owns it and its caches.
 */
public final class Gpt2Decoder implements AutoCloseable {
  private final Gpt2Config config;
  private final Precision precision;
  private final NDManager manager;
  private final TorchProgram program;
  private final IValue parameters;
  private final IValue packed;
  private final KeyValueBlocks blocks;
  private final StepInput.Grouping grouping;

  /**
   * What one conversation brings to a step.
   *
   * @param cache receives the tokens
   * @param tokens new tokens, in order; at least one
   * @param queries about the logits after the last tokens: the last query after the last token, the
   *     one before it after the token before, and so on; empty where none are wanted
   */
  public record Row(KeyValueCache cache, int[] tokens, List<LogitsQuery> queries) {
    /** Copies the queries. */
    public Row {
      queries = List.copyOf(queries);
      if (queries.size() > tokens.length) {
        throw new IllegalArgumentException(
            "%d queries about the logits of %d tokens".formatted(queries.size(), tokens.length));
      }
    }

    StepInput.NewTokens newTokens() {
      int[] wanted = IntStream.range(tokens.length - queries.size(), tokens.length).toArray();
      return new StepInput.NewTokens(cache, tokens, wanted);
    }

    /** A row of which the best token after its last one is wanted, or nothing. */
    public Row(KeyValueCache cache, int[] tokens, boolean best) {
      this(cache, tokens, best ? List.of(LogitsQuery.BEST) : List.of());
    }
  }

  /**
   * A sequence that is given, and asked about.
   *
   * @param tokens what is read, at most a full context
   * @param labels the token that comes after each of them; negative where that one does not count
   */
  public record Scored(int[] tokens, int[] labels) {
    /** Refuses what does not go together. */
    public Scored {
      if (tokens.length != labels.length) {
        throw new IllegalArgumentException(
            "%d labels of %d tokens".formatted(labels.length, tokens.length));
      }
    }

    /**
     * A sequence whose end counts.
     *
     * @param sequence at least one token, at most one more than the context
     * @param from the first token that counts, at least 1
     */
    public Scored(int[] sequence, int from) {
      this(Arrays.copyOf(sequence, sequence.length - 1), after(sequence, from));
    }

    private static int[] after(int[] sequence, int from) {
      int[] labels = Arrays.copyOfRange(sequence, 1, sequence.length);
      Arrays.fill(labels, 0, Math.min(from - 1, labels.length), -1);
      return labels;
    }
  }

  /**
   * How well the labels of a sequence were predicted.
   *
   * @param nats the sum over them of the negative logarithm of their probability after all tokens
   *     before
   * @param hits those that no other token exceeds in probability
   */
  public record Score(double nats, int hits) {}

  private Gpt2Decoder(
      Gpt2Config config,
      Precision precision,
      Precision.Kernels kernels,
      NDManager manager,
      TorchProgram program,
      IValue parameters,
      IValue packed) {
    this.config = config;
    this.precision = precision;
    this.manager = manager;
    this.program = program;
    this.parameters = parameters;
    this.packed = packed;
    this.blocks = new KeyValueBlocks(config, kernels.cache(), program, parameters);
    this.grouping = kernels.grouping();
  }

  /**
   * Packs weights for a precision.
   *
   * @param weights not needed any more once this returns: closing them frees the fp32 copy
   * @throws IllegalArgumentException if one of the matrices holds a number that is not finite
   */
  public static Gpt2Decoder load(Gpt2Weights weights, Precision precision) {
    return load(weights, precision, precision.kernels(weights.manager().getDevice()));
  }

  /** With other kernels than the precision has on this device. */
  static Gpt2Decoder load(Gpt2Weights weights, Precision precision, Precision.Kernels kernels) {
    NDManager manager = weights.manager().getParentManager().newSubManager();
    try {
      TorchProgram program = Gpt2Program.load(manager, weights.config(), kernels);
      try (IValue all = TorchProgram.list(weights.arrays());
          IValue embeddingType = IValue.from(Torch.scalarType(kernels.embedding()));
          IValue weightsType = IValue.from(Torch.scalarType(kernels.weights()))) {
        requireFinite(program, all, weights.config());
        IValue parameters = program.call("keep", all, embeddingType);
        try {
          IValue packed = program.call("pack", all, weightsType);
          return new Gpt2Decoder(
              weights.config(), precision, kernels, manager, program, parameters, packed);
        } catch (RuntimeException | Error e) {
          parameters.close(); // it would keep the weights' memory, whoever closes them
          throw e;
        }
      }
    } catch (RuntimeException | Error e) {
      manager.close();
      throw e;
    }
  }

  private static void requireFinite(TorchProgram program, IValue weights, Gpt2Config config) {
    try (IValue damaged = program.call("damaged", weights)) {
      int index = (int) damaged.toLong();
      if (index >= 0) {
        throw new IllegalArgumentException(
            "%s holds a number that is not finite: its file is damaged, or its training diverged"
                .formatted(Gpt2Layout.of(config).get(index).name()));
      }
    }
  }

  /** The shape. */
  public Gpt2Config config() {
    return config;
  }

  /** The precision of its projections. */
  public Precision precision() {
    return precision;
  }

  /** Nanoseconds spent inside libtorch so far: see {@link TorchProgram#nanosInside}. */
  public long nanosInside() {
    return program.nanosInside();
  }

  /**
   * Says that the caches of all conversations will hold so many tokens. On a CPU there is room for
   * all of them once the next is read, which takes addresses on Linux, and memory only once it is
   * used. On a GPU, and without this, room is doubled when it is used up, by which every cache is
   * copied.
   */
  public void reserve(long tokens) {
    blocks.reserve(tokens, !manager.getDevice().isGpu());
  }

  /** An empty cache for a conversation with this model; the caller closes it. */
  public KeyValueCache newCache() {
    return new KeyValueCache(blocks);
  }

  /**
   * Reads the new tokens of every row in one call.
   *
   * @return the answers to the rows' queries; the caller closes it
   * @throws IllegalArgumentException if a row exceeds the context, has a token that is none of the
   *     vocabulary, or its cache is another decoder's; no cache holds other tokens then
   */
  public StepLogits step(List<Row> rows) {
    rows.forEach(row -> row.cache().requireIn(blocks));
    rows.forEach(row -> config.requireTokens(row.tokens()));
    rows.forEach(row -> row.cache().reserve(row.tokens().length));
    List<StepInput.NewTokens> tokens = rows.stream().map(Row::newTokens).toList();
    NDManager owner = manager.newSubManager();
    StepLogits logits;
    try (StepInput input = new StepInput(manager, grouping, tokens)) {
      NDArray result = program.tensor(owner, "step", input.arguments(model()));
      logits = StepLogits.select(owner, program, result, rows.stream().map(Row::queries).toList());
    } catch (RuntimeException | Error e) {
      owner.close();
      throw e;
    }
    for (Row row : rows) {
      row.cache().advance(row.tokens().length);
    }
    return logits;
  }

  /** The arguments of a step that are not those of its rows. */
  private List<IValue> model() {
    return List.of(parameters, packed, blocks.tables());
  }

  /**
   * How probable the labels of sequences are; leaves no cache behind.
   *
   * @return a score for each sequence
   * @throws IllegalArgumentException if a sequence exceeds the context, or has a token or a label
   *     that is none of the vocabulary
   */
  public List<Score> scores(List<Scored> sequences) {
    for (Scored scored : sequences) {
      config.requireTokens(scored.tokens());
      config.requireTokens(Arrays.stream(scored.labels()).filter(label -> label >= 0).toArray());
    }
    return new SequenceScores(manager, program, grouping, model()).of(sequences, this);
  }

  /** As {@link #scores}: for each sequence the sum of the logarithms of its labels, in nats. */
  public double[] logProbabilities(List<Scored> sequences) {
    return scores(sequences).stream().mapToDouble(score -> -score.nats()).toArray();
  }

  /**
   * Every logit of one sequence, read at once, for comparisons.
   *
   * @return [tokens.length][vocabulary]
   */
  public float[][] logits(int[] tokens) {
    List<LogitsQuery> all = Collections.nCopies(tokens.length, LogitsQuery.BEST);
    try (KeyValueCache cache = newCache();
        StepLogits logits = step(List.of(new Row(cache, tokens, all)))) {
      return logits.row(0).stream().map(Logits::whole).toArray(float[][]::new);
    }
  }

  @Override
  public void close() {
    blocks.close();
    packed.close();
    parameters.close();
    program.close();
    manager.close();
  }
}
