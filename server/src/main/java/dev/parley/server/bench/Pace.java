package dev.parley.server.bench;

/**
 * How fast replies are decoded, and where the engine thread's time goes, in milliseconds a step.
 *
 * @param steps that were counted
 * @param tokensPerSecond of all streams together
 * @param step from the end of one step to the end of the next: the sum of all that follows
 * @param libtorch inside libtorch
 * @param exchange arguments made for libtorch, and logits taken back
 * @param scheduling what is read next, and the books of it
 * @param sampling logits to tokens
 * @param delivery tokens to text, and to whoever reads
 * @param between from one step to the next: commands of other threads, counters, waiting for a core
 */
public record Pace(
    int steps,
    double tokensPerSecond,
    double step,
    double libtorch,
    double exchange,
    double scheduling,
    double sampling,
    double delivery,
    double between) {
  /** What is not libtorch. */
  public double jvm() {
    return step - libtorch;
  }
}
