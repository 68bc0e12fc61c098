package dev.parley.server.training;

import dev.parley.v1.TrainingJob;
import dev.parley.v1.TrainingUpdate;

/** Hears what jobs do, in order for each job. Called on the thread of {@link TrainingJobs}. */
@FunctionalInterface
public interface TrainingListener {
  /**
   * A job wrote an update while this server looked on.
   *
   * @param job as it stands after it
   */
  void updated(TrainingJob job, TrainingUpdate update);
}
