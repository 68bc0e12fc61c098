package dev.parley.trainer.loop;

import dev.parley.model.gpt2.Gpt2Weights;
import java.util.Optional;

/** Saves where a training stands, on its thread. Never throws for what the disk refuses. */
public interface Checkpointer {
  /** Keeps nothing. */
  Checkpointer NONE =
      new Checkpointer() {
        @Override
        public boolean due(int step, boolean last) {
          return false;
        }

        @Override
        public void save(Progress progress, Optional<Gpt2Weights> best) {}

        @Override
        public void saveBest(int step, Gpt2Weights best) {}
      };

  /**
   * Whether a step is to be saved; asked after each.
   *
   * @param last whether it is the training's last one
   */
  boolean due(int step, boolean last);

  /**
   * Saves weights and moments as they stand, unless this step is saved already.
   *
   * @param best the weights of the best evaluation, where there is one
   */
  void save(Progress progress, Optional<Gpt2Weights> best);

  /** Saves the weights of the best evaluation alone, which was made after {@code step}. */
  void saveBest(int step, Gpt2Weights best);
}
