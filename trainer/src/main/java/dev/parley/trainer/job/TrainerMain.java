package dev.parley.trainer.job;

/** The trainer's own process: runs one job of a home. */
public final class TrainerMain {
  private TrainerMain() {}
}
