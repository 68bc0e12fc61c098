package dev.parley.client;

import java.time.Duration;

/**
 * What a training job made.
 *
 * @param lossBefore nats per learned token on the evaluation data, before the first step
 * @param promoted whether the version is its model's default now
 * @param promotionReason why it is or is not
 */
public record TrainedVersion(
    String model,
    int version,
    double lossBefore,
    double lossAfter,
    double perplexityBefore,
    double perplexityAfter,
    LabelPolicy labelPolicy,
    int steps,
    Duration duration,
    boolean promoted,
    String promotionReason) {

  /** {@code model@version}: what {@link ParleyClient#chat} takes. */
  public String reference() {
    return model + "@" + version;
  }
}
