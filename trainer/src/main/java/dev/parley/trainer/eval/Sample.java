package dev.parley.trainer.eval;

import dev.parley.model.gpt2.Gpt2Weights;
import java.util.ArrayList;
import java.util.List;

/** A prompt and a model's greedy reply to it. */
public record Sample(String prompt, String reply) {
  /** Answers each prompt as the first turn of a conversation. */
  public static List<Sample> of(Gpt2Weights weights, List<String> prompts, Codec codec) {
    if (prompts.isEmpty()) {
      return List.of();
    }
    List<int[]> replies =
        Replies.greedy(weights, prompts.stream().map(codec.encodeTurn()).toList());
    List<Sample> samples = new ArrayList<>();
    for (int i = 0; i < replies.size(); i++) {
      samples.add(new Sample(prompts.get(i), codec.decode().apply(replies.get(i))));
    }
    return samples;
  }
}
