package dev.parley.server.engine;

import dev.parley.model.gpt2.Logits;
import dev.parley.model.gpt2.LogitsQuery;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** One token from what the model tells of a row of GPT-2's logits. */
@State(Scope.Thread)
public class SamplerBenchmark {
  private static final int VOCABULARY = 50_257;
  private static final int PROMPT = 100;

  /** How the token is chosen. */
  @Param({"greedy", "temperature", "top_k 50", "top_p 0.9", "top_p 0.9 of many", "penalties"})
  public String rule = "greedy";

  private final Sampler sampler = new Sampler(VOCABULARY, VOCABULARY - 1);
  private Logits logits = Logits.of(new float[] {0}, LogitsQuery.BEST);
  private TokenBuffer tokens = new TokenBuffer();
  private SamplingParameters parameters = SamplingParameters.greedy(1);

  /** Logits as a trained model gives them: a few stand out, but where many are as probable. */
  @Setup
  public void setUp() {
    SplittableRandom random = new SplittableRandom(1);
    float[] values = new float[VOCABULARY];
    float spread = rule.endsWith("of many") ? 1 : 3;
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (spread * random.nextGaussian() - 30);
    }
    for (int i = 0; i < 200 && spread > 1; i++) {
      values[random.nextInt(VOCABULARY)] += 15;
    }
    tokens = new TokenBuffer(random.ints(PROMPT + 24, 0, VOCABULARY - 1).toArray());
    parameters =
        switch (rule) {
          case "greedy" -> SamplingParameters.greedy(128);
          case "temperature" -> parameters(true, 0, 1, 1, 0, 0);
          case "top_k 50" -> parameters(true, 50, 1, 1, 0, 0);
          case "top_p 0.9", "top_p 0.9 of many" -> parameters(true, 0, 0.9f, 1, 0, 0);
          case "penalties" -> parameters(true, 50, 0.9f, 1.2f, 0.5f, 3);
          default -> throw new IllegalArgumentException(rule);
        };
    logits = Logits.of(values, SamplingQuery.of(parameters, tokens, PROMPT, VOCABULARY - 1));
  }

  private static SamplingParameters parameters(
      boolean sample, int topK, float topP, float repetition, float presence, int ngram) {
    return new SamplingParameters(
        128,
        0,
        sample,
        0.8f,
        topK,
        topP,
        0,
        1,
        repetition,
        presence,
        0,
        ngram,
        Map.of(),
        List.of(),
        7);
  }

  /** What is asked about the row, before the step. */
  @Benchmark
  public LogitsQuery query() {
    return SamplingQuery.of(parameters, tokens, PROMPT, VOCABULARY - 1);
  }

  /** What was told to a token. */
  @Benchmark
  public int choose() throws Sampler.NoTokenException {
    return sampler.choose(logits, parameters, tokens, PROMPT, token -> true);
  }
}
