package dev.parley.trainer.loop;

import java.util.Map;

/**
 * What {@code checkpoint.json} says: where the training stood, and of which training.
 *
 * @param format of the directory; {@value #FORMAT} is this one
 * @param position in the data, for people: {@link Progress#step} decides
 * @param origin what the training is made of
 * @param best the name of the directory with the best evaluation's weights; empty: none yet
 */
public record CheckpointInfo(
    int format, Position position, Origin origin, Progress progress, String best) {
  static final int FORMAT = 1;

  /**
   * Where the next step begins.
   *
   * @param epoch counted from 0
   * @param step of the epoch, counted from 0
   * @param micro always 0: between two steps no gradient is half added up
   */
  public record Position(int epoch, int step, int micro) {}

  /**
   * What a training is made of. All of it but {@code threads} and {@code parley} must be the same
   * to go on.
   *
   * @param seed of split, order and dropout
   * @param recipe every parameter by name
   * @param base as the registry names it, with its version, or its directory
   * @param baseSha256 of the base's weights
   * @param dataSha256 of the training dialogues
   * @param evaluationSha256 of the evaluation dialogues
   * @param threads of an operation; with another number sums are rounded otherwise
   * @param parley the version that wrote it
   */
  public record Origin(
      long seed,
      Map<String, String> recipe,
      String base,
      String baseSha256,
      String dataSha256,
      String evaluationSha256,
      int threads,
      String parley) {}
}
