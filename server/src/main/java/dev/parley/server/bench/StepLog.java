package dev.parley.server.bench;

import dev.parley.model.gpt2.Gpt2Decoder;
import dev.parley.server.engine.EngineObserver;
import java.util.ArrayList;
import java.util.List;

/** Every step of an engine. To be read when the engine is closed. */
final class StepLog implements EngineObserver {
  private final Gpt2Decoder decoder;
  private final List<Step> steps = new ArrayList<>();
  private long inside;
  private StepTimes times = new StepTimes(0, 0, 0, 0);

  /**
   * A step.
   *
   * @param end by {@link System#nanoTime}
   * @param promptTokens that were read by turns without a token of their own yet
   * @param libtorch nanoseconds inside libtorch; a part of {@code times.model()}
   */
  record Step(
      long end, int rows, int promptTokens, int sampledTokens, StepTimes times, long libtorch) {}

  StepLog(Gpt2Decoder decoder) {
    this.decoder = decoder;
    this.inside = decoder.nanosInside();
  }

  @Override
  public void stepTimes(StepTimes stepTimes) {
    times = stepTimes;
  }

  @Override
  public void step(long nanos, int rows, int promptTokens, int sampledTokens) {
    long now = decoder.nanosInside();
    steps.add(new Step(System.nanoTime(), rows, promptTokens, sampledTokens, times, now - inside));
    inside = now;
  }

  /** Steps that ended after a time. */
  long count(long since) {
    return steps.stream().filter(step -> step.end() - since > 0).count();
  }

  /**
   * The pace of the steps in which so many replies were under way and no prompt was read.
   *
   * @param since only steps that began after it count, by {@link System#nanoTime}
   * @throws IllegalStateException if there was none
   */
  Pace pace(int rows, long since) {
    long nanos = 0;
    int counted = 0;
    long tokens = 0;
    long[] parts = new long[5];
    for (int i = 1; i < steps.size(); i++) {
      Step step = steps.get(i);
      boolean early = steps.get(i - 1).end() - since < 0;
      if (early || step.promptTokens() > 0 || step.rows() != rows) {
        continue;
      }
      counted++;
      nanos += step.end() - steps.get(i - 1).end();
      tokens += step.sampledTokens();
      parts[0] += step.libtorch();
      parts[1] += step.times().model() - step.libtorch();
      parts[2] += step.times().scheduling();
      parts[3] += step.times().sampling();
      parts[4] += step.times().delivery();
    }
    if (counted == 0) {
      throw new IllegalStateException(
          "no step decoded %d streams at once; ask for more new tokens".formatted(rows));
    }
    double toMillis = 1e-6 / counted;
    double all = nanos * toMillis;
    double libtorch = parts[0] * toMillis;
    double exchange = parts[1] * toMillis;
    double scheduling = parts[2] * toMillis;
    double sampling = parts[3] * toMillis;
    double delivery = parts[4] * toMillis;
    double between = all - libtorch - exchange - scheduling - sampling - delivery;
    return new Pace(
        counted,
        tokens * 1e9 / nanos,
        all,
        libtorch,
        exchange,
        scheduling,
        sampling,
        delivery,
        between);
  }
}
