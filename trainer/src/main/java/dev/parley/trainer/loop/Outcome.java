package dev.parley.trainer.loop;

import dev.parley.trainer.loop.LoopListener.Evaluated;
import java.util.Optional;

/** How a training ended. */
public sealed interface Outcome {
  /**
   * Nothing is left to be done. The weights are those of {@code after}.
   *
   * @param before the base model
   * @param after what is to be registered: with evaluations in between the one with the lowest
   *     loss, else the last
   * @param steps that were made
   * @param early whether evaluations that were no better ended it before all steps were made
   * @param seconds spent on training, those before a break included
   */
  record Finished(Evaluated before, Evaluated after, int steps, boolean early, double seconds)
      implements Outcome {}

  /**
   * Someone asked it to stop; {@code step} is the last one done, and saved. The weights are its.
   */
  record Stopped(int step) implements Outcome {}

  /**
   * Loss or gradient was not finite in several steps in a row. The weights are those of the best
   * evaluation after a step, if there was one, else as the last finite update left them.
   *
   * @param step the last of these steps
   * @param best the evaluation whose weights these are, if there was one
   */
  record Diverged(int step, String reason, Optional<Evaluated> best) implements Outcome {}
}
