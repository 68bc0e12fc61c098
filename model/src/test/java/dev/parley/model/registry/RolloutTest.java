package dev.parley.model.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.parley.model.registry.RolloutException.Reason;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Canaries and rollbacks of a registry. */
class RolloutTest {
  @TempDir Path root;
  private Registry registry;

  @BeforeEach
  void threeVersions() {
    registry = new Registry(root);
    for (int version = 1; version <= 3; version++) {
      Versions.publish(registry, "shop");
    }
  }

  @Test
  void rollBack_afterSeveralPromotions_goesBackStepByStep() {
    registry.setAlias("shop", "default", 3);
    registry.setAlias("shop", "default", 2);
    registry.setAlias("shop", "default", 2);

    assertThat(registry.previousDefault("shop")).hasValue(3);
    assertThat(registry.rollBack("shop", OptionalInt.empty()))
        .isEqualTo(new Rollback(3, OptionalInt.of(2), Optional.empty()));
    assertThat(reread().previousDefault("shop")).hasValue(1);
    assertThat(reread().rollBack("shop", OptionalInt.of(3)).version()).isEqualTo(1);
    assertThat(reread().aliases("shop")).isEqualTo(Map.of("default", 1));
    assertRefused(
        Reason.NOTHING_TO_ROLL_BACK,
        "'shop' cannot be rolled back: its default, version 1,",
        () -> registry.rollBack("shop", OptionalInt.empty()));
  }

  @Test
  void rollBack_thenPromoteAgain_goesBackToWhatWasBetween() {
    registry.setAlias("shop", "default", 2);
    registry.rollBack("shop", OptionalInt.empty());
    registry.setAlias("shop", "default", 3);

    assertThat(registry.rollBack("shop", OptionalInt.empty()).version()).isEqualTo(1);
    assertThat(registry.previousDefault("shop")).isEmpty();
  }

  @Test
  void rollBack_previousIsDeleted_goesToTheOneBeforeIt() {
    registry.setAlias("shop", "default", 2);
    registry.setAlias("shop", "default", 3);
    registry.delete("shop", 2);

    assertThat(registry.rollBack("shop", OptionalInt.empty()).version()).isEqualTo(1);
  }

  @Test
  void rollBack_defaultHasMoved_changesNothing() {
    registry.setAlias("shop", "default", 2);
    registry.setCanary("shop", new Canary(3, 0.5));

    assertRefused(
        Reason.DEFAULT_HAS_MOVED,
        "its default is version 2, not version 3",
        () -> registry.rollBack("shop", OptionalInt.of(3)));

    assertThat(registry.aliases("shop")).isEqualTo(Map.of("default", 2));
    assertThat(registry.canary("shop")).hasValue(new Canary(3, 0.5));
  }

  @Test
  void rollBack_noSuchModel_namesTheNearest() {
    assertThatThrownBy(() -> registry.rollBack("shopp", OptionalInt.empty()))
        .isInstanceOf(ModelNotFoundException.class)
        .hasMessageContaining("the nearest is 'shop'");
  }

  @Test
  void rollBack_withACanary_endsIt() {
    registry.setAlias("shop", "default", 2);
    registry.setCanary("shop", new Canary(3, 0.5));

    assertThat(registry.rollBack("shop", OptionalInt.empty()))
        .isEqualTo(new Rollback(1, OptionalInt.of(2), Optional.of(new Canary(3, 0.5))));
    assertThat(reread().canary("shop")).isEmpty();
  }

  /** A process dies between its two files: the state is that before it, and asking again works. */
  @Test
  void rollBack_afterAPromotionOrARollbackThatDiedHalfway_goesWhereItWouldHave() throws Exception {
    Path aliases = root.resolve("shop/aliases.json");
    registry.setAlias("shop", "default", 2);
    byte[] atTwo = Files.readAllBytes(aliases);
    registry.setAlias("shop", "default", 3);
    byte[] atThree = Files.readAllBytes(aliases);

    Files.write(aliases, atTwo);
    assertThat(registry.previousDefault("shop")).as("the promotion to 3 died").hasValue(1);
    Files.write(aliases, atThree);
    registry.rollBack("shop", OptionalInt.empty());
    Files.write(aliases, atThree);
    assertThat(registry.previousDefault("shop")).as("the rollback to 2 died").hasValue(2);
    registry.rollBack("shop", OptionalInt.empty());
    assertThat(registry.aliases("shop")).isEqualTo(Map.of("default", 2));
    assertThat(registry.previousDefault("shop")).hasValue(1);
  }

  @Test
  void setCanary_thenEnd_isReadByOthers() {
    assertThat(registry.setCanary("shop", new Canary(2, 0.1))).isEmpty();
    assertThat(reread().canary("shop")).hasValue(new Canary(2, 0.1));
    assertThat(registry.setCanary("shop", new Canary(3, 0.2))).hasValue(new Canary(2, 0.1));
    assertThat(registry.endCanary("shop")).hasValue(new Canary(3, 0.2));
    assertThat(registry.endCanary("shop")).isEmpty();
    assertThat(reread().canary("shop")).isEmpty();
    assertThat(registry.aliases("shop")).isEqualTo(Map.of("default", 1));
  }

  @Test
  void setAlias_ofTheCanary_endsIt_ofAnother_doesNot() {
    registry.setCanary("shop", new Canary(2, 0.1));
    registry.setAlias("shop", "default", 3);
    assertThat(registry.canary("shop")).hasValue(new Canary(2, 0.1));

    registry.setAlias("shop", "default", 2);
    assertThat(registry.canary("shop")).isEmpty();
    registry.rollBack("shop", OptionalInt.empty());
    assertThat(registry.canary("shop")).as("ended for good").isEmpty();
  }

  @Test
  void setCanary_impossible_changesNothing() throws Exception {
    registry.setCanary("shop", new Canary(2, 0.1));
    try (StagedVersion staged = registry.stage("back")) {
      Versions.fill(staged, "weights");
      staged.publish(Versions.LINEAGE);
    }
    Map<String, String> parameters = new HashMap<>(Versions.LINEAGE.parameters());
    parameters.put("direction", "TRAINING_DIRECTION_BACKWARD");
    try (StagedVersion staged = registry.stage("back")) {
      Versions.fill(staged, "weights");
      staged.publish(new Lineage("trained", "", "", "", "", parameters, 0, Map.of(), "0.1", ""));
    }

    assertRefused(
        Reason.CANARY_IS_DEFAULT,
        "shop@1 cannot be a canary: it is the default already",
        () -> registry.setCanary("shop", new Canary(1, 0.1)));
    assertRefused(
        Reason.WRONG_DIRECTION,
        "back@2 cannot be a canary: it is a backward model",
        () -> registry.setCanary("back", new Canary(2, 0.1)));
    assertThatThrownBy(() -> registry.setCanary("shop", new Canary(9, 0.1)))
        .isInstanceOf(ModelNotFoundException.class);
    assertThat(registry.canary("shop")).hasValue(new Canary(2, 0.1));
    registry.removeAlias("shop", "default");
    assertRefused(
        Reason.NO_DEFAULT,
        "'shop' has no default",
        () -> registry.setCanary("shop", new Canary(3, 0.1)));
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, -0.1, 1.01, Double.NaN, Double.POSITIVE_INFINITY})
  void canary_shareOutOfBounds_isRefused(double share) {
    assertThatThrownBy(() -> new Canary(1, share))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("above 0 and at most 1");
  }

  @Test
  void delete_canary_isRefused() {
    registry.setCanary("shop", new Canary(2, 0.1));

    assertThatThrownBy(() -> registry.delete("shop", 2))
        .isInstanceOf(VersionInUseException.class)
        .hasMessage("shop@2 cannot be deleted: it is the canary of 'shop'; end that first");

    registry.endCanary("shop");
    registry.delete("shop", 2);
    assertThat(registry.versions("shop")).containsExactly(1, 3);
  }

  @Test
  void canary_fileIsDamaged_countsAsNone_writingSaysSo() throws Exception {
    Files.writeString(root.resolve("shop/rollout.json"), "{\"canary\": {\"version\": 2, \"sha");

    assertThat(registry.canary("shop")).isEmpty();
    assertThat(registry.previousDefault("shop")).isEmpty();
    assertThat(registry.resolve("shop").version()).isEqualTo(1);
    assertThatThrownBy(() -> registry.setCanary("shop", new Canary(2, 0.1)))
        .isInstanceOf(RegistryException.class)
        .hasMessageContaining("rollout.json is damaged")
        .hasMessageContaining("delete it");
  }

  @Test
  void registryWithoutTheFile_hasNoCanaryAndNothingToRollBack() {
    assertThat(root.resolve("shop/rollout.json")).doesNotExist();
    assertThat(registry.canary("shop")).isEmpty();
    assertThat(registry.previousDefault("shop")).isEmpty();
    assertThat(registry.canary("nobody")).isEmpty();
  }

  private Registry reread() {
    return new Registry(root);
  }

  private static void assertRefused(Reason reason, String message, ThrowingCallable call) {
    assertThatThrownBy(call)
        .hasMessageContaining(message)
        .isInstanceOfSatisfying(
            RolloutException.class, e -> assertThat(e.reason()).isEqualTo(reason));
  }
}
