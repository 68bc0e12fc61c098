package dev.parley.trainer.loop;

import dev.parley.trainer.loop.LoopListener.Evaluated;
import java.util.Optional;

/** How a training ended. */
public sealed interface Outcome {
  /**
   * All steps are done. The weights are those of {@code after}.
   *
   * @param before the base model
   * @param after what is to be registered: with evaluations in between the one with the lowest
   *     loss, else the last
   * @param steps that were made
   */
  record Finished(Evaluated before, Evaluated after, int steps) implements Outcome {}

  /** Someone asked it to stop; {@code step} is the last one done, and the weights are its. */
  record Cancelled(int step) implements Outcome {}

  /**
   * Loss or gradient was not finite in several steps in a row. The weights are those of the best
   * evaluation after a step, if there was one, else as the last finite update left them.
   *
   * @param step the last of these steps
   * @param best the evaluation whose weights these are, if there was one
   */
  record Diverged(int step, String reason, Optional<Evaluated> best) implements Outcome {}
}
