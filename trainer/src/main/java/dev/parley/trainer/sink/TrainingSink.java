package dev.parley.trainer.sink;

import dev.parley.v1.TrainingUpdate;

/**
 * Another tool that hears how a training goes. It is told every update of the job's event log in
 * order, from the first one on, also those of a process before this one: what it has been told
 * already, it must know by itself. Called on one thread.
 */
interface TrainingSink extends AutoCloseable {
  /** For messages. */
  String name();

  /** Takes an update in. Must not wait for anyone. What it throws ends this sink, not the job. */
  void accept(TrainingUpdate update);

  /** Hands over what it still has, within seconds. */
  @Override
  void close();
}
