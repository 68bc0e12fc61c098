package dev.parley.model.gpt2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDManager;
import dev.parley.model.text.BackwardOrder;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

class BackwardScoreTest {
  private static final int END = 256;
  private static final int CONTEXT = 96;

  @Test
  void of_goldenPrompts_latestTurnFirstAfterTheHypothesis() {
    for (JsonNode golden : Golden.json("backward.json").get("cases")) {
      BackwardOrder order = order(golden);

      assertThat(order.sequences().get(0)).containsExactly(Golden.ids(golden.get("ids")));
      assertThat(order.sourceTokens()).isEqualTo(golden.get("targets").intValue());
      assertThat(order.from().get(0)).isEqualTo(golden.get("hypothesis").size() + 1);
    }
  }

  private static BackwardOrder order(JsonNode golden) {
    return BackwardOrder.of(
        Golden.ids(golden.get("prompt")),
        List.of(Golden.ids(golden.get("hypothesis"))),
        END,
        CONTEXT);
  }

  /** All cases in one call, and Hugging Face's loss of each. */
  @ParameterizedTest
  @CsvSource({"REFERENCE, 1e-4", "FP32, 1e-4", "FP16, 0.01"})
  void logProbabilities_goldenCases_areHuggingFacesLoss(Precision precision, double limit) {
    List<Gpt2Decoder.Scored> sequences = new ArrayList<>();
    List<Double> expected = new ArrayList<>();
    List<Integer> targets = new ArrayList<>();
    for (int repeated = 0; repeated < 3; repeated++) { // more than are read at once
      for (JsonNode golden : Golden.json("backward.json").get("cases")) {
        BackwardOrder order = order(golden);
        sequences.add(new Gpt2Decoder.Scored(order.sequences().get(0), order.from().get(0)));
        expected.add(golden.get("loss").doubleValue());
        targets.add(golden.get("targets").intValue());
      }
    }
    try (NDManager scope = Golden.scope();
        Gpt2Decoder decoder = Golden.decoder(precision, scope)) {
      double[] scores = decoder.logProbabilities(sequences);

      for (int i = 0; i < scores.length; i++) {
        assertThat(-scores[i] / targets.get(i))
            .as("case %d", i)
            .isCloseTo(expected.get(i), within(limit));
      }
      assertThatThrownBy(
              () ->
                  decoder.logProbabilities(
                      List.of(new Gpt2Decoder.Scored(new int[CONTEXT + 2], 1))))
          .hasMessageContaining("exceed the context of 96");
      assertThat(decoder.logProbabilities(sequences)).as("after a failure").isEqualTo(scores);
    }
  }

  @Test
  void of_longHistory_keepsWholeTurnsAndTheLatestInAnyCase() {
    int[] prompt = new int[400];
    for (int i = 0; i < prompt.length; i++) {
      prompt[i] = i % 40 == 39 ? END : i % 200;
    }

    assertThat(BackwardOrder.of(prompt, List.of(new int[3]), END, 1024).sourceTokens())
        .isEqualTo(120);
    int[] one = new int[300];
    one[299] = END;
    assertThat(BackwardOrder.of(one, List.of(new int[3]), END, 1024).sourceTokens()).isEqualTo(300);
  }

  @Test
  void of_moreThanTheContext_theSameSourceForEveryHypothesisAndNothingTooLong() {
    int[] prompt = new int[90];
    prompt[89] = END;
    BackwardOrder order =
        BackwardOrder.of(prompt, List.of(new int[80], new int[0], new int[20]), END, CONTEXT);

    assertThat(order.sourceTokens()).isEqualTo(CONTEXT / 2);
    for (int i = 0; i < 3; i++) {
      assertThat(order.sequences().get(i).length).isLessThanOrEqualTo(CONTEXT);
      assertThat(order.sequences().get(i).length - order.from().get(i)).isEqualTo(CONTEXT / 2);
      assertThat(order.sequences().get(i)[order.from().get(i) - 1]).isEqualTo(END);
    }
  }
}
