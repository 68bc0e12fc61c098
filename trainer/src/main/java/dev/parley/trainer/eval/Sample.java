package dev.parley.trainer.eval;

/** A prompt and a model's greedy reply to it. */
public record Sample(String prompt, String reply) {}
