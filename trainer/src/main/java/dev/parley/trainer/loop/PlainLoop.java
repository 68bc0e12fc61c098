package dev.parley.trainer.loop;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.TrainableGpt2;
import dev.parley.model.torch.TorchProgram;
import dev.parley.trainer.data.Sequence;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * A training loop as it is usually written, to compare with: every batch is padded to one length,
 * and logits are made for every position. Model, optimiser and threads are those of {@link
 * TrainingLoop}.
 */
final class PlainLoop implements AutoCloseable {
  private final TrainableGpt2 model;
  private final TorchProgram program;

  PlainLoop(TrainableGpt2 model) {
    Gpt2Config config = model.weights().config();
    this.model = model;
    this.program =
        TorchProgram.load(
            model.weights().manager(),
            TorchProgram.source(PlainLoop.class, "plain.py"),
            Map.of(
                "layer_count",
                (long) config.layerCount(),
                "head_count",
                (long) config.headCount(),
                "layer_norm_epsilon",
                config.layerNormEpsilon()));
  }

  /**
   * An optimiser step.
   *
   * @param length that every sequence is padded to
   * @return the loss in nats a learned token
   */
  double step(
      int number,
      List<Sequence> batch,
      int length,
      double dropout,
      DataType arithmetic,
      TrainableGpt2.AdamW adamW) {
    long[] ids = new long[batch.size() * length];
    long[] labels = new long[ids.length];
    Arrays.fill(labels, -1);
    for (int row = 0; row < batch.size(); row++) {
      Sequence sequence = batch.get(row);
      for (int i = 0; i < sequence.ids().length; i++) {
        ids[row * length + i] = sequence.ids()[i];
        if (sequence.labels()[i] != Sequence.IGNORED) {
          labels[row * length + i] = sequence.labels()[i];
        }
      }
    }
    int learned = batch.stream().mapToInt(Sequence::targets).sum();
    double nats;
    try (NDManager scope = model.weights().manager().newSubManager()) {
      NDArray options =
          scope.create(new double[] {dropout, arithmetic == DataType.BFLOAT16 ? 15 : 6});
      nats =
          program
              .differentiate(
                  scope,
                  "gradients",
                  List.of(model.weights().arrays(), model.gradients()),
                  scope.create(ids, new Shape(batch.size(), length)),
                  scope.create(labels),
                  options)
              .getFloat();
    }
    double unused = model.update(number, learned, adamW);
    return nats / learned;
  }

  /** Nanoseconds inside libtorch so far. */
  long nanosInside() {
    return program.nanosInside() + model.nanosInside();
  }

  @Override
  public void close() {
    program.close();
  }
}
