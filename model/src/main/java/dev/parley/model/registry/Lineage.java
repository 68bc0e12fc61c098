package dev.parley.model.registry;

import java.util.Collections;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/**
 * Where a version comes from. What is not known is empty.
 *
 * @param origin {@code trained}, {@code imported}, {@code embedded} or {@code random}
 * @param base what it was trained from or imported from
 * @param baseWeightsSha256 SHA-256 of the base's weights, in hexadecimal
 * @param dataSha256 SHA-256 over the training data, in hexadecimal
 * @param jobId the training job
 * @param parameters hyper-parameters by name
 * @param seed of everything random
 * @param metrics such as loss_before, loss_after; losses in nats per target token
 * @param parleyVersion the Parley that made it
 * @param parleyCommit its git commit, as {@link ParleyVersion#commit} gives it
 */
public record Lineage(
    String origin,
    String base,
    String baseWeightsSha256,
    String dataSha256,
    String jobId,
    Map<String, String> parameters,
    long seed,
    Map<String, Double> metrics,
    String parleyVersion,
    String parleyCommit) {
  /** Copies the maps. */
  public Lineage {
    for (String text :
        new String[] {origin, base, baseWeightsSha256, dataSha256, jobId, parleyVersion}) {
      Objects.requireNonNull(text, "a part of the lineage is missing");
    }
    parleyCommit = Objects.requireNonNullElse(parleyCommit, ""); // older versions have none
    parameters = Collections.unmodifiableMap(new TreeMap<>(parameters));
    metrics = Collections.unmodifiableMap(new TreeMap<>(metrics));
  }

  /** The parameter that says in which order turns are read; absent: forward. */
  private static final String DIRECTION = "direction";

  /** In which order the version reads turns. */
  public Direction direction() {
    return parameters.getOrDefault(DIRECTION, "").toUpperCase(Locale.ROOT).endsWith("BACKWARD")
        ? Direction.BACKWARD
        : Direction.FORWARD;
  }

  /** A version that no training made. */
  static Lineage untrained(
      String origin, String base, String baseWeightsSha256, Direction direction, long seed) {
    return new Lineage(
        origin,
        base,
        baseWeightsSha256,
        "",
        "",
        direction == Direction.FORWARD ? Map.of() : Map.of(DIRECTION, direction.name()),
        seed,
        Map.of(),
        ParleyVersion.current(),
        ParleyVersion.commit());
  }
}
