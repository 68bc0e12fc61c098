package dev.parley.server.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Precision;
import dev.parley.server.bench.DecodeBench.Point;
import dev.parley.server.bench.DecodeBench.Work;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class DecodeBenchTest {
  @Test
  void run_twoPrecisions_referenceComesFirstAndIsTheUnit() throws Exception {
    Measured<Point> measured =
        DecodeBench.run(
            BenchRounds.of(2, Precision.FP32, Precision.INT8), List.of(1, 3), new Work(20, 6));

    assertThat(measured.points())
        .extracting(point -> point.precision() + " " + point.streams())
        .containsExactly("reference 1", "fp32 1", "fp32 3", "int8 1", "int8 3");
    assertThat(BenchRounds.HEARD).containsExactly("round 1 of 2", "round 2 of 2");
    assertThat(measured.machines()).hasSize(2);
    Point reference = measured.points().get(0);
    assertThat(reference.ratio()).isEqualTo(new Spread(1, 1, 1));
    assertThat(measured.points()).allSatisfy(DecodeBenchTest::isPlausible);
  }

  private static void isPlausible(Point point) {
    Pace pace = point.pace();
    assertThat(pace.steps()).as("all but the first token").isEqualTo(5);
    assertThat(pace.tokensPerSecond())
        .isCloseTo(point.streams() * 1000 / pace.step(), within(1e-9 * pace.tokensPerSecond()));
    assertThat(pace.libtorch()).isPositive().isLessThan(pace.step());
    assertThat(pace.sampling()).isPositive().isLessThan(pace.jvm());
    assertThat(pace.scheduling()).isPositive();
    assertThat(
            pace.libtorch()
                + pace.exchange()
                + pace.scheduling()
                + pace.sampling()
                + pace.delivery()
                + pace.between())
        .isCloseTo(pace.step(), within(1e-9 * pace.step()));
    assertThat(point.tokensPerSecond().lowest())
        .isLessThanOrEqualTo(point.tokensPerSecond().median());
    assertThat(point.ratio().median()).isFinite().isPositive();
    assertThat(point.bound().median()).isFinite().isPositive();
    assertThat(point.share().median())
        .isBetween(
            point.bound().lowest() / point.millisecondsPerStep().highest(),
            point.bound().highest() / point.millisecondsPerStep().lowest());
  }

  @Test
  void run_guessing_everyPointThatCanWithGuessesToo() throws Exception {
    int[] prompt = new SplittableRandom(1).ints(12, 0, 50_000).toArray();
    List<int[]> prompts = Collections.nCopies(5, prompt);

    List<Point> points =
        DecodeBench.run(
                BenchRounds.of(1, Precision.FP32, Precision.REFERENCE),
                List.of(2),
                new Work(prompts, 20, 60, true))
            .points();

    assertThat(points)
        .extracting(p -> p.precision() + " " + p.streams() + " " + p.guessing())
        .containsExactly("reference 1 false", "reference 2 false", "fp32 2 false", "fp32 2 true");
    assertThat(points.subList(0, 3))
        .allSatisfy(
            point -> {
              assertThat(point.gain().median()).isEqualTo(1);
              assertThat(point.tokensPerStep().median()).isCloseTo(1, within(1e-9));
            });
    assertThat(points.get(3).tokensPerStep().median())
        .as("random weights repeat themselves: guesses come true")
        .isGreaterThan(1.1);
    assertThat(points.get(3).gain().median()).isPositive().isFinite();
  }

  @Test
  void run_fewerPromptsThanStreams_saysSo() {
    assertThatThrownBy(
            () ->
                DecodeBench.run(
                    BenchRounds.of(1, Precision.FP32),
                    List.of(1, 3),
                    new Work(List.of(new int[] {1}, new int[] {2}), 8, 4, false)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("2 prompts for 3 streams: there must be at least as many");
  }

  @Test
  void run_referenceAskedFor_onceWithEveryNumberOfStreams() throws Exception {
    assertThat(
            DecodeBench.run(BenchRounds.of(1, Precision.REFERENCE), List.of(2), new Work(8, 4))
                .points())
        .extracting(Point::streams)
        .containsExactly(1, 2);
  }

  @Test
  void run_beyondTheContext_saysSo() {
    assertThatThrownBy(
            () -> DecodeBench.run(BenchRounds.of(1, Precision.FP32), List.of(1), new Work(250, 10)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("256");
  }

  @Test
  void run_moreThanTheMemory_saysHowMuchBeforeItBegins() {
    Rounds huge = BenchRounds.of(Gpt2Config.of(4_800, 12_800, 100, 1024));

    assertThatThrownBy(() -> DecodeBench.run(huge, List.of(1), new Work(10, 10)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("GiB")
        .hasMessageContaining("use a smaller shape");
  }
}
