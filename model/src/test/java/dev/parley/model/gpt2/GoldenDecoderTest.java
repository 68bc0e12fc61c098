package dev.parley.model.gpt2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.JsonNode;

/**
 * Decoding with the cache chooses the tokens that transformers chooses without one. The smallest
 * distance between the best and the second logit in the golden file is 0.0166, so that fp16 weights
 * must choose the same; bf16, int8 and int4 need not.
 */
class GoldenDecoderTest {
  private static final int NEW_TOKENS = 64;

  private record Case(int[] prompt, int[] expected) {}

  @ParameterizedTest
  @EnumSource(
      value = Precision.class,
      names = {"BF16", "INT8", "INT4"},
      mode = EnumSource.Mode.EXCLUDE)
  void step_promptAtOnce_greedyTokensOfTransformers(Precision precision) {
    try (NDManager scope = Golden.scope();
        Gpt2Decoder decoder = Golden.decoder(precision, scope)) {
      for (Case golden : cases()) {
        try (KeyValueCache cache = decoder.newCache()) {
          assertThat(greedy(decoder, cache, golden.prompt())).isEqualTo(golden.expected());
          assertThat(cache.length()).isEqualTo(golden.prompt().length + NEW_TOKENS - 1);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = Precision.class,
      names = {"BF16", "INT8", "INT4"},
      mode = EnumSource.Mode.EXCLUDE)
  void step_promptInOddChunks_sameTokens(Precision precision) {
    try (NDManager scope = Golden.scope();
        Gpt2Decoder decoder = Golden.decoder(precision, scope)) {
      Case golden = cases().get(2);
      for (int first : new int[] {1, 3, 7, 31}) {
        try (KeyValueCache cache = decoder.newCache()) {
          int at = 0;
          for (int size = first; at + size < golden.prompt().length; size += 2) {
            int[] chunk = Arrays.copyOfRange(golden.prompt(), at, at + size);
            read(decoder, cache, chunk);
            at += size;
          }
          int[] rest = Arrays.copyOfRange(golden.prompt(), at, golden.prompt().length);
          assertThat(greedy(decoder, cache, rest))
              .as("chunks from %d tokens on", first)
              .isEqualTo(golden.expected());
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = Precision.class,
      names = {"BF16", "INT8", "INT4"},
      mode = EnumSource.Mode.EXCLUDE)
  void step_threeConversationsTogether_eachAsAlone(Precision precision) {
    try (NDManager scope = Golden.scope();
        Gpt2Decoder decoder = Golden.decoder(precision, scope)) {
      List<Case> cases = cases();
      List<KeyValueCache> caches = new ArrayList<>();
      List<List<Integer>> replies = new ArrayList<>();
      List<int[]> next = new ArrayList<>();
      for (Case golden : cases) {
        caches.add(decoder.newCache());
        replies.add(new ArrayList<>());
        next.add(golden.prompt());
      }
      for (int step = 0; step < NEW_TOKENS; step++) {
        List<Gpt2Decoder.Row> rows = new ArrayList<>();
        for (int i = 0; i < cases.size(); i++) {
          rows.add(new Gpt2Decoder.Row(caches.get(i), next.get(i), true));
        }
        try (StepLogits logits = decoder.step(rows)) {
          for (int i = 0; i < cases.size(); i++) {
            int best = logits.row(i).get(0).best();
            replies.get(i).add(best);
            next.set(i, new int[] {best});
          }
        }
      }
      for (int i = 0; i < cases.size(); i++) {
        assertThat(replies.get(i)).containsExactly(box(cases.get(i).expected()));
        caches.get(i).close();
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Precision.class)
  void step_truncatedCache_continuesAsIfTheRestHadNeverBeen(Precision precision) {
    try (NDManager scope = Golden.scope();
        Gpt2Decoder decoder = Golden.decoder(precision, scope);
        KeyValueCache fresh = decoder.newCache();
        KeyValueCache reused = decoder.newCache()) {
      int[] prompt = cases().get(2).prompt();
      read(decoder, reused, prompt);
      read(decoder, reused, 1, 2, 3);
      reused.truncate(prompt.length);
      read(decoder, fresh, prompt);
      int[] more = {9, 8};

      float[] expected = logits(decoder, fresh, more);
      float[] actual = logits(decoder, reused, more);

      assertThat(actual).isEqualTo(expected);
    }
  }

  @Test
  void step_oneRowBeyondTheContext_refusedAndNoCacheChanged() {
    try (NDManager scope = Golden.scope();
        Gpt2Decoder decoder = Golden.decoder(Precision.FP32, scope);
        KeyValueCache good = decoder.newCache();
        KeyValueCache full = decoder.newCache()) {
      Case golden = cases().get(1);
      read(decoder, full, new int[96]);

      assertThatThrownBy(
              () ->
                  decoder.step(
                      List.of(
                          new Gpt2Decoder.Row(good, golden.prompt(), true),
                          new Gpt2Decoder.Row(full, new int[] {1}, true))))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("96 cached and 1 new tokens exceed the context of 96");
      assertThat(good.length()).isZero();
      assertThat(full.length()).isEqualTo(96);
      assertThat(greedy(decoder, good, golden.prompt())).isEqualTo(golden.expected());
    }
  }

  private static int[] greedy(Gpt2Decoder decoder, KeyValueCache cache, int[] prompt) {
    int[] reply = new int[NEW_TOKENS];
    int[] tokens = prompt;
    for (int i = 0; i < reply.length; i++) {
      try (StepLogits logits = step(decoder, cache, tokens, true)) {
        reply[i] = logits.row(0).get(0).best();
      }
      tokens = new int[] {reply[i]};
    }
    return reply;
  }

  private static StepLogits step(
      Gpt2Decoder decoder, KeyValueCache cache, int[] tokens, boolean best) {
    return decoder.step(List.of(new Gpt2Decoder.Row(cache, tokens, best)));
  }

  private static void read(Gpt2Decoder decoder, KeyValueCache cache, int... tokens) {
    try (StepLogits logits = step(decoder, cache, tokens, false)) {
      assertThat(logits.row(0)).isEmpty();
    }
  }

  private static float[] logits(Gpt2Decoder decoder, KeyValueCache cache, int[] tokens) {
    try (StepLogits logits = step(decoder, cache, tokens, true)) {
      return logits.row(0).get(0).whole();
    }
  }

  private static List<Case> cases() {
    List<Case> cases = new ArrayList<>();
    for (JsonNode golden : Golden.json("greedy.json").get("cases")) {
      cases.add(new Case(Golden.ids(golden.get("prompt")), Golden.ids(golden.get("ids"))));
    }
    assertThat(cases).hasSize(3).allMatch(c -> c.expected().length == NEW_TOKENS);
    return cases;
  }

  private static Integer[] box(int[] values) {
    return Arrays.stream(values).boxed().toArray(Integer[]::new);
  }
}
