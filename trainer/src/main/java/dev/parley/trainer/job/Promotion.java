package dev.parley.trainer.job;

import dev.parley.model.registry.ModelReference;
import dev.parley.model.registry.RegisteredVersion;
import dev.parley.model.registry.Registry;
import dev.parley.trainer.eval.Evaluation;
import dev.parley.v1.PromotionPolicy;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.function.Function;

/**
 * Whether a new version becomes its model's default.
 *
 * @param promoted whether it does
 * @param reason why it does or does not
 */
record Promotion(boolean promoted, String reason) {
  /**
   * Decides by the rule and carries the decision out. If another version becomes the default
   * meanwhile, the decision is made again, against that one.
   *
   * @param version registered already
   * @param after its evaluation
   * @param evaluate the same for another version; only called where the rule needs it
   */
  static Promotion carryOut(
      Registry registry,
      RegisteredVersion version,
      PromotionPolicy policy,
      Evaluation after,
      Function<RegisteredVersion, Evaluation> evaluate) {
    String model = version.model();
    while (true) {
      Integer current = registry.aliases(model).get(ModelReference.DEFAULT);
      if (current != null && current == version.version()) {
        return new Promotion(
            true,
            version.version() == 1
                ? "the first version of its model"
                : "it is its model's default already");
      }
      Promotion promotion =
          current == null
              ? new Promotion(true, "its model had no default")
              : decide(registry, model, current, policy, after, evaluate);
      OptionalInt expected = current == null ? OptionalInt.empty() : OptionalInt.of(current);
      if (!promotion.promoted()
          || registry.replaceAlias(model, ModelReference.DEFAULT, expected, version.version())) {
        return promotion;
      }
    }
  }

  private static Promotion decide(
      Registry registry,
      String model,
      int current,
      PromotionPolicy policy,
      Evaluation after,
      Function<RegisteredVersion, Evaluation> evaluate) {
    return switch (policy) {
      case PROMOTION_POLICY_NEVER ->
          new Promotion(
              false, "the promotion policy is NEVER; version %d stays".formatted(current));
      case PROMOTION_POLICY_ALWAYS -> new Promotion(true, "the promotion policy is ALWAYS");
      case PROMOTION_POLICY_IF_BETTER, PROMOTION_POLICY_UNSPECIFIED, UNRECOGNIZED -> {
        Evaluation present;
        try {
          RegisteredVersion version = registry.resolve(ModelReference.of(model, current));
          registry.verify(version);
          present = evaluate.apply(version);
        } catch (RuntimeException e) { // whatever is wrong with the old one, the new one is kept
          yield new Promotion(
              false, "version %d could not be evaluated: %s".formatted(current, e.getMessage()));
        }
        yield compare(after, present, current);
      }
    };
  }

  private static Promotion compare(Evaluation after, Evaluation present, int version) {
    if (after.targetTokens() != present.targetTokens()) {
      return new Promotion(
          false,
          "version %d splits the evaluation data into %d target tokens, not %d: losses cannot be compared"
              .formatted(version, present.targetTokens(), after.targetTokens()));
    }
    boolean better = after.loss() <= present.loss(); // not with NaN
    return new Promotion(
        better,
        String.format(
            Locale.ROOT,
            "evaluation loss %.4f %s version %d's %.4f",
            after.loss(),
            better ? "is not above" : "is above",
            version,
            present.loss()));
  }
}
