package dev.parley.server.bench;

import ai.djl.Device;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Precision;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Rounds of measurements, A B C A B C, so that whatever else a machine does in the meantime meets
 * all of them alike. Ratios are taken within a round.
 *
 * @param weights of the model
 * @param precisions what is measured, in this order
 * @param rounds of which medians are taken
 * @param probeMebibytes that the machine's probe reads
 * @param progress hears a line for people now and then
 */
public record Rounds(
    BenchWeights weights,
    List<Precision> precisions,
    Device device,
    int rounds,
    int probeMebibytes,
    Consumer<String> progress) {
  /** What a probe reads unless told otherwise: more than any cache holds. */
  public static final int PROBE_MEBIBYTES = MachineProbe.DEFAULT_MEBIBYTES;

  /** Checks that there is something to measure. */
  public Rounds {
    precisions = List.copyOf(precisions);
    if (precisions.isEmpty() || rounds < 1 || probeMebibytes < 1) {
      throw new IllegalArgumentException(
          "%d precisions, %d rounds and %d MiB for the probe: there must be at least 1 of each"
              .formatted(precisions.size(), rounds, probeMebibytes));
    }
  }

  /** The model's shape. */
  public Gpt2Config config() {
    return weights.config();
  }

  /** Measures the machine alone: the round in which it read memory fastest is the one point. */
  public Measured<Machine> machines() {
    List<Machine> machines = new ArrayList<>();
    for (int round = 1; round <= rounds; round++) {
      progress.accept("round %d of %d".formatted(round, rounds));
      machines.add(MachineProbe.measure(device, probeMebibytes));
    }
    Machine best =
        machines.stream().max(Comparator.comparingDouble(Machine::bytesPerSecond)).orElseThrow();
    return new Measured<>(machines, List.of(best));
  }

  /** What is measured with a model. */
  interface Measurement<P, S> {
    S of(BenchModel model, P point) throws InterruptedException;
  }

  /** Which points a precision is measured at. */
  interface Points<P> {
    List<P> of(Precision precision);
  }

  /**
   * A point's samples.
   *
   * @param machines what the machine did in the round of each sample
   */
  record Series<P, S>(Precision precision, P point, List<S> samples, List<Machine> machines) {}

  /**
   * Measures every point of every precision once a round; without a probe, machines are empty.
   *
   * @param cachedTokens at once, over all conversations
   */
  <P, S> List<Series<P, S>> run(
      List<Precision> order,
      Points<P> points,
      long cachedTokens,
      boolean probe,
      Measurement<P, S> measurement)
      throws InterruptedException {
    Map<List<Object>, Series<P, S>> all = new LinkedHashMap<>();
    try (BenchModels models = new BenchModels(weights, order, cachedTokens, device)) {
      for (int round = 1; round <= rounds; round++) {
        progress.accept("round %d of %d".formatted(round, rounds));
        models.makeRoom();
        Machine machine = probe ? MachineProbe.measure(device, probeMebibytes) : null;
        for (Precision precision : order) {
          for (P point : points.of(precision)) {
            S sample = measurement.of(models.of(precision), point);
            Series<P, S> series =
                all.computeIfAbsent(
                    List.of(precision, point),
                    key -> new Series<>(precision, point, new ArrayList<>(), new ArrayList<>()));
            series.samples().add(sample);
            if (machine != null) {
              series.machines().add(machine);
            }
          }
        }
      }
    }
    return List.copyOf(all.values());
  }
}
