package dev.parley.server.bench;

import ai.djl.Device;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Precision;
import java.util.ArrayList;
import java.util.List;

/** Rounds over the smallest shape, with a probe that takes no time. */
final class BenchRounds {
  static final Gpt2Config TINY = Gpt2Config.shape("tiny");

  /** What people were told. */
  static final List<String> HEARD = new ArrayList<>();

  private BenchRounds() {}

  static Rounds of(int rounds, Precision... precisions) {
    HEARD.clear();
    return new Rounds(
        BenchWeights.random(TINY), List.of(precisions), Device.cpu(), rounds, 4, HEARD::add);
  }

  static Rounds of(Gpt2Config config) {
    return new Rounds(
        BenchWeights.random(config), List.of(Precision.FP32), Device.cpu(), 1, 4, line -> {});
  }
}
