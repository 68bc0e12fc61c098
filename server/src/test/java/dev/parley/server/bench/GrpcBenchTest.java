package dev.parley.server.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.parley.model.gpt2.Precision;
import dev.parley.model.text.Gpt2Vocabulary;
import dev.parley.model.text.Tokenizer;
import dev.parley.server.bench.GrpcBench.Point;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GrpcBenchTest {
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void run_overTheLoopback_whatGrpcAddsIsNamed(boolean sampled) throws Exception {
    Point point =
        GrpcBench.run(BenchRounds.of(1, Precision.FP32), 3, 20, 40, sampled).points().get(0);

    assertThat(point.ratio().median())
        .isCloseTo(
            point.grpcTokensPerSecond().median() / point.engineTokensPerSecond().median(),
            within(1e-9));
    assertThat(point.grpc().delivery())
        .as("text, protobuf and gRPC cost more than a reader that does nothing")
        .isGreaterThan(point.engine().delivery());
    assertThat(point.serverCpu()).isNotNegative(); // threads that end are missing
    assertThat(point.clientCpu()).isNotNegative();
    assertThat(point.processCpu()).isGreaterThan(point.serverCpu() + point.clientCpu());
  }

  @Test
  void words_message_hasAsManyTokensAsAskedFor() {
    try (Tokenizer tokenizer = Gpt2Vocabulary.tokenizer()) {
      String message = Words.message(new SplittableRandom(1), 500);

      assertThat(tokenizer.encode(message)).hasSize(500);
    }
  }
}
