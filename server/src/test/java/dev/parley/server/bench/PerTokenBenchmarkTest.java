package dev.parley.server.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.server.chat.TextBenchmark;
import dev.parley.server.engine.SamplerBenchmark;
import dev.parley.server.engine.SchedulerBenchmark;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/**
 * What the JVM itself does for each token, by JMH. Tests call every benchmark once; to measure:
 *
 * <pre>{@code
 * ./mvnw -pl server -am test -Dtest=PerTokenBenchmarkTest -Dparley.jmh=. \
 *   -Dsurefire.failIfNoSpecifiedTests=false
 * }</pre>
 *
 * <p>The property is a regular expression of benchmarks, such as {@code Sampler}.
 */
class PerTokenBenchmarkTest {
  @Test
  @EnabledIfSystemProperty(named = "parley.jmh", matches = ".+")
  void measure() throws Exception {
    Options options =
        new OptionsBuilder()
            .include(System.getProperty("parley.jmh"))
            .mode(Mode.AverageTime)
            .timeUnit(TimeUnit.MICROSECONDS)
            .forks(1)
            .warmupIterations(3)
            .warmupTime(TimeValue.seconds(1))
            .measurementIterations(5)
            .measurementTime(TimeValue.seconds(1))
            .shouldFailOnError(true)
            .build();

    assertThat(new Runner(options).run())
        .extracting(RunResult::getPrimaryResult)
        .allSatisfy(result -> assertThat(result.getScore()).isPositive());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "greedy",
        "temperature",
        "top_k 50",
        "top_p 0.9",
        "top_p 0.9 of many",
        "penalties"
      })
  void sampler_calledOnce_choosesAToken(String rule) throws Exception {
    SamplerBenchmark benchmark = new SamplerBenchmark();
    benchmark.rule = rule;
    benchmark.setUp();

    assertThat(benchmark.choose()).isBetween(0, 50_256);
  }

  @ParameterizedTest
  @CsvSource({"32,0", "32,1000", "256,1000"})
  void scheduler_calledOnce_everyReplyGetsItsToken(int rows, int idle) {
    SchedulerBenchmark benchmark = new SchedulerBenchmark();
    benchmark.rows = rows;
    benchmark.idle = idle;
    benchmark.setUp();

    assertThat(benchmark.decode()).isEqualTo(rows);
    assertThat(benchmark.decode()).as("again").isEqualTo(rows);
  }

  @Test
  void text_calledOnce_givesTextBytesAndTokens() {
    TextBenchmark benchmark = new TextBenchmark();
    try {
      benchmark.setUp();

      assertThat(benchmark.decodeToken()).isNotNull();
      assertThat(benchmark.replyText()).isNotNull();
      assertThat(benchmark.textDelta()).isNotEmpty();
      assertThat(benchmark.encodeMessage()).hasSizeGreaterThan(15);
    } finally {
      benchmark.close();
    }
  }
}
