package dev.parley.server.ops;

import dev.parley.server.models.RegistryWatch;
import dev.parley.server.training.TrainingListener;
import dev.parley.v1.StepFinished;
import dev.parley.v1.TrainingJob;
import dev.parley.v1.TrainingUpdate;

/** Counts training steps, and has the registry looked at when a job has registered a version. */
final class TrainingMetrics implements TrainingListener {
  private final Metrics metrics;
  private final RegistryWatch registry;

  TrainingMetrics(Metrics metrics, RegistryWatch registry) {
    this.metrics = metrics;
    this.registry = registry;
  }

  @Override
  public void updated(TrainingJob job, TrainingUpdate update) {
    if (update.hasStep()) {
      StepFinished step = update.getStep();
      String model = job.getRequest().getModelName();
      metrics.trainingLoss.labelValues(model).set(step.getLoss());
      metrics.trainingTokens.labelValues(model).inc(step.getTargetTokens());
    } else if (update.hasFinished()) {
      registry.lookNow();
    }
  }
}
