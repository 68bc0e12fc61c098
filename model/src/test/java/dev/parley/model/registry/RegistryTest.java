package dev.parley.model.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.OptionalInt;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RegistryTest {
  @TempDir Path home;
  private Path root;
  private Registry registry;

  @BeforeEach
  void open() {
    root = home.resolve("registry");
    registry = new Registry(root);
  }

  @Test
  void models_noDirectoryYet_areNoneAndMakeNone() {
    assertThat(registry.models()).isEmpty();
    assertThat(registry.versions("any")).isEmpty();
    assertThat(registry.aliases("any")).isEmpty();
    assertThat(root).doesNotExist();
  }

  @Test
  void publish_firstVersion_isCompleteAndDefault() throws Exception {
    RegisteredVersion version = Versions.publish(registry, "greeter");

    assertThat(version.reference()).isEqualTo("greeter@1");
    assertThat(version.directory()).isEqualTo(root.resolve("greeter/1"));
    assertThat(Versions.tree(root))
        .containsExactly(
            ".lock",
            ".staging",
            "greeter",
            "greeter/1",
            "greeter/1/config.json",
            "greeter/1/model.safetensors",
            "greeter/1/parley.json",
            "greeter/aliases.json");
    assertThat(registry.models()).containsExactly("greeter");
    assertThat(registry.aliases("greeter")).isEqualTo(Map.of("default", 1));
    assertThat(registry.resolve("greeter")).isEqualTo(version);
    assertThat(version.manifest().lineage()).isEqualTo(Versions.LINEAGE);
    assertThat(version.manifest().weightsSha256()) // of "weights"
        .isEqualTo("9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c");
    assertThat(version.sizeBytes()).isEqualTo(2 + 7);
    registry.verify(version);
  }

  @Test
  void publish_secondVersion_leavesDefault() {
    Versions.publish(registry, "greeter");
    Versions.publish(registry, "greeter");

    assertThat(registry.versions("greeter")).containsExactly(1, 2);
    assertThat(registry.resolve("greeter").version()).isEqualTo(1);
    assertThat(registry.resolve("greeter@default").version()).isEqualTo(1);
    assertThat(registry.resolve("greeter@latest").version()).isEqualTo(2);
    assertThat(registry.resolve("greeter@2").version()).isEqualTo(2);
  }

  @Test
  void publish_metricsThatAreNoNumbers_comeBack() throws Exception {
    Map<String, Double> metrics =
        Map.of("a", Double.NaN, "b", Double.POSITIVE_INFINITY, "c", 0.1 + 0.2);
    Lineage lineage =
        new Lineage("trained", "", "", "", "", Map.of(), Long.MIN_VALUE, metrics, "0.1", "");
    try (StagedVersion staged = registry.stage("greeter")) {
      Versions.fill(staged, "weights");
      staged.publish(lineage);
    }

    assertThat(registry.resolve("greeter").manifest().lineage()).isEqualTo(lineage);
  }

  @Test
  void publish_twice_isRefused() throws Exception {
    try (StagedVersion staged = registry.stage("greeter")) {
      Versions.fill(staged, "weights");
      staged.publish(Versions.LINEAGE);
      assertThatThrownBy(() -> staged.publish(Versions.LINEAGE))
          .isInstanceOf(IllegalStateException.class);
    }
    assertThat(registry.versions("greeter")).containsExactly(1);
  }

  @Test
  void publish_incomplete_isRefusedAndLeavesNothing() throws Exception {
    try (StagedVersion staged = registry.stage("greeter")) {
      Files.writeString(staged.directory().resolve("model.safetensors"), "weights");
      assertThatThrownBy(() -> staged.publish(Versions.LINEAGE))
          .isInstanceOf(RegistryException.class)
          .hasMessageContaining("config.json");
      Files.writeString(staged.directory().resolve("config.json"), "{}");
      Files.createDirectory(staged.directory().resolve("checkpoints"));
      assertThatThrownBy(() -> staged.publish(Versions.LINEAGE))
          .isInstanceOf(RegistryException.class)
          .hasMessageContaining("checkpoints");
    }
    assertThat(registry.models()).isEmpty();
    assertThat(Versions.tree(root)).containsExactly(".lock", ".staging");
  }

  @Test
  void close_unpublished_leavesNothing() throws Exception {
    StagedVersion staged = registry.stage("greeter");
    Versions.fill(staged, "weights");
    staged.close();
    staged.close();

    assertThat(Versions.tree(root)).containsExactly(".lock", ".staging");
  }

  @Test
  void stage_another_leavesThoseInUse() throws Exception {
    try (StagedVersion first = registry.stage("greeter")) {
      Versions.fill(first, "weights");
      try (StagedVersion second = new Registry(root).stage("greeter")) {
        assertThat(first.directory().resolve("config.json")).exists();
        assertThat(second.directory()).isNotEqualTo(first.directory()).isEmptyDirectory();
      }
      assertThat(first.publish(Versions.LINEAGE).version()).isEqualTo(1);
    }
  }

  @Test
  void setAlias_versions_givesWhatItNamedBefore() {
    Versions.publish(registry, "greeter");
    Versions.publish(registry, "greeter");

    assertThat(registry.setAlias("greeter", "default", 2)).hasValue(1);
    assertThat(registry.setAlias("greeter", "stable", 1)).isEmpty();
    assertThat(registry.aliases("greeter")).isEqualTo(Map.of("default", 2, "stable", 1));
    assertThat(registry.resolve("greeter").version()).isEqualTo(2);
    assertThat(registry.resolve("greeter@stable").version()).isEqualTo(1);
    assertThat(registry.removeAlias("greeter", "stable")).hasValue(1);
    assertThat(registry.removeAlias("greeter", "stable")).isEmpty();
    assertThat(registry.aliases("greeter")).isEqualTo(Map.of("default", 2));
  }

  @Test
  void replaceAlias_namesAnotherVersionByNow_changesNothing() {
    for (int version = 1; version <= 3; version++) {
      Versions.publish(registry, "greeter");
    }

    assertThat(registry.replaceAlias("greeter", "default", OptionalInt.of(1), 2)).isTrue();
    assertThat(registry.replaceAlias("greeter", "default", OptionalInt.of(1), 3)).isFalse();
    assertThat(registry.replaceAlias("greeter", "default", OptionalInt.empty(), 3)).isFalse();
    assertThat(registry.replaceAlias("greeter", "stable", OptionalInt.of(1), 3)).isFalse();
    assertThat(registry.replaceAlias("greeter", "stable", OptionalInt.empty(), 3)).isTrue();

    assertThat(registry.aliases("greeter")).isEqualTo(Map.of("default", 2, "stable", 3));
  }

  @Test
  void setAlias_impossible_changesNothing() {
    Versions.publish(registry, "greeter");

    assertThatThrownBy(() -> registry.setAlias("greeter", "default", 2))
        .isInstanceOf(ModelNotFoundException.class)
        .hasMessage("model 'greeter' has no version 2; it has 1");
    assertThatThrownBy(() -> registry.setAlias("greter", "default", 1))
        .isInstanceOf(ModelNotFoundException.class);
    assertThatThrownBy(() -> registry.setAlias("greeter", "latest", 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("reserved");
    assertThat(registry.models()).containsExactly("greeter");
    assertThat(registry.aliases("greeter")).isEqualTo(Map.of("default", 1));
  }

  @Test
  void delete_versionWithAlias_isRefused() {
    Versions.publish(registry, "greeter");
    Versions.publish(registry, "greeter");
    registry.setAlias("greeter", "stable", 2);

    assertThatThrownBy(() -> registry.delete("greeter", 1))
        .isInstanceOf(VersionInUseException.class)
        .hasMessageContaining("greeter@1")
        .hasMessageContaining("'default'");
    assertThatThrownBy(() -> registry.delete("greeter", 2))
        .isInstanceOf(VersionInUseException.class)
        .hasMessageContaining("'stable'");
    assertThat(registry.versions("greeter")).containsExactly(1, 2);
  }

  @Test
  void delete_highestVersion_itsNumberStaysUsed() throws Exception {
    Versions.publish(registry, "greeter");
    Versions.publish(registry, "greeter");
    registry.delete("greeter", 2);

    assertThat(registry.versions("greeter")).containsExactly(1);
    assertThat(Versions.tree(root.resolve(".staging"))).isEmpty();
    assertThat(Versions.publish(registry, "greeter").version()).isEqualTo(3);
    assertThatThrownBy(() -> registry.delete("greeter", 2))
        .isInstanceOf(ModelNotFoundException.class)
        .hasMessage("model 'greeter' has no version 2; it has 1, 3");
  }

  @Test
  void delete_lastVersion_modelIsGoneAndNextBecomesDefault() {
    Versions.publish(registry, "greeter");
    registry.removeAlias("greeter", "default");
    registry.delete("greeter", 1);

    assertThat(registry.models()).isEmpty();
    assertThat(Versions.publish(registry, "greeter").version()).isEqualTo(2);
    assertThat(registry.aliases("greeter")).isEqualTo(Map.of("default", 2));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          greter         | model 'greter' is not in the registry %s; the nearest is 'greeter'
          something-else | model 'something-else' is not in the registry %s; there is 'greeter', 'tutor'
          greeter@7      | model 'greeter' has no version 7; it has 1 to 3
          tutor@2        | model 'tutor' has no version 2; it has 1
          greeter@stabel | model 'greeter' has no alias 'stabel'; the nearest is 'stable'; its versions are 1 to 3
          tutor@lastest  | model 'tutor' has no alias 'lastest'; the nearest is 'latest'; its versions are 1
          """)
  void resolve_unknown_namesTheNearest(String reference, String message) {
    for (String model : new String[] {"greeter", "greeter", "greeter", "tutor"}) {
      Versions.publish(registry, model);
    }
    registry.setAlias("greeter", "stable", 2);

    assertThatThrownBy(() -> registry.resolve(reference))
        .isInstanceOf(ModelNotFoundException.class)
        .hasMessage(message.formatted(root));
  }

  @Test
  void resolve_emptyRegistry_saysSo() {
    assertThatThrownBy(() -> registry.resolve("greeter"))
        .isInstanceOf(ModelNotFoundException.class)
        .hasMessage("model 'greeter' is not in the registry " + root + ", which is empty");
  }

  @Test
  void open_byALink_isTheSameRegistry() throws Exception {
    Versions.publish(registry, "greeter");
    Path link = Files.createSymbolicLink(home.resolve("link"), root);
    Registry linked = new Registry(link);

    try (StagedVersion staged = registry.stage("greeter")) {
      assertThat(Versions.publish(linked, "greeter").version()).isEqualTo(2);
      Versions.fill(staged, "weights");
      assertThat(staged.publish(Versions.LINEAGE).version()).isEqualTo(3);
    }
    assertThat(linked.versions("greeter")).containsExactly(1, 2, 3);
  }
}
