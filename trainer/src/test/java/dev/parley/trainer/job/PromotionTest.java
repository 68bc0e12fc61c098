package dev.parley.trainer.job;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.model.registry.RegisteredVersion;
import dev.parley.model.registry.Registry;
import dev.parley.trainer.eval.Evaluation;
import dev.parley.v1.PromotionPolicy;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class PromotionTest {
  @TempDir Path directory;
  private Registry registry;
  private Path base;

  @BeforeEach
  void makeRegistry() throws IOException {
    TestHome test = new TestHome(directory);
    registry = new Registry(test.home.resolve("registry"));
    base = test.base;
  }

  @Test
  void carryOut_anotherJobPromotesItsVersionMeanwhile_isDecidedAgainAgainstThatOne() {
    registry.importDirectory("shop", base);
    RegisteredVersion better = registry.importDirectory("shop", base);
    RegisteredVersion own = registry.importDirectory("shop", base);
    List<Integer> compared = new ArrayList<>();

    Promotion promotion =
        Promotion.carryOut(
            registry,
            own,
            PromotionPolicy.PROMOTION_POLICY_IF_BETTER,
            evaluation(2),
            present -> {
              compared.add(present.version());
              if (present.version() == 1) {
                registry.setAlias("shop", "default", better.version()); // the other job is done
              }
              return evaluation(present.version() == 1 ? 3 : 1);
            });

    assertThat(compared).containsExactly(1, 2);
    assertThat(promotion.promoted()).isFalse();
    assertThat(promotion.reason()).contains("is above version 2's");
    assertThat(registry.resolve("shop").version()).isEqualTo(2);
  }

  /** A job that was killed after its version was promoted comes here once more. */
  @Test
  void carryOut_laterVersionThatIsTheDefault_isNotCalledTheFirst() {
    registry.importDirectory("shop", base);
    RegisteredVersion own = registry.importDirectory("shop", base);
    registry.setAlias("shop", "default", own.version());

    Promotion promotion =
        Promotion.carryOut(
            registry,
            own,
            PromotionPolicy.PROMOTION_POLICY_IF_BETTER,
            evaluation(2),
            present -> evaluation(1));

    assertThat(promotion).isEqualTo(new Promotion(true, "it is its model's default already"));
  }

  @Test
  void carryOut_firstVersion_isTheDefaultAlready() {
    RegisteredVersion own = registry.importDirectory("shop", base);

    Promotion promotion =
        Promotion.carryOut(
            registry,
            own,
            PromotionPolicy.PROMOTION_POLICY_NEVER,
            evaluation(2),
            present -> {
              throw new AssertionError("nothing to compare with");
            });

    assertThat(promotion).isEqualTo(new Promotion(true, "the first version of its model"));
    assertThat(registry.resolve("shop").version()).isEqualTo(1);
  }

  private static Evaluation evaluation(double loss) {
    return new Evaluation(loss, 10, 0);
  }
}
