package dev.parley.model.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A registry that cannot be written. Files stand where directories belong, which stops every user;
 * permissions would not stop root.
 */
class RegistryUnwritableTest {
  @TempDir Path home;

  @Test
  void stage_rootIsAFile_namesItAndTheRemedy() throws Exception {
    Path root = Files.writeString(home.resolve("registry"), "not a directory");
    Registry registry = new Registry(root);

    assertThatThrownBy(() -> registry.stage("greeter"))
        .isInstanceOf(RegistryException.class)
        .hasMessageContaining("cannot stage a version of 'greeter'")
        .hasMessageContaining(root.toString())
        .hasMessageContaining("move away the file");
    assertThatThrownBy(registry::models)
        .isInstanceOf(RegistryException.class)
        .hasMessageContaining(root.toString());
    assertThat(root).content().isEqualTo("not a directory");
  }

  @Test
  void stage_homeIsAFile_namesItAndTheRemedy() throws Exception {
    Path file = Files.writeString(home.resolve("file"), "not a directory");

    assertThatThrownBy(() -> new Registry(file.resolve("registry")).stage("greeter"))
        .isInstanceOf(RegistryException.class)
        .hasMessageContaining(file.toString())
        .hasMessageContaining("home");
  }

  @Test
  void stage_stagingAreaIsAFile_leavesTheRegistryAsItIs() throws Exception {
    Registry registry = new Registry(home);
    Versions.publish(registry, "greeter");
    Files.delete(home.resolve(".staging"));
    Files.writeString(home.resolve(".staging"), "not a directory");

    assertThatThrownBy(() -> registry.stage("greeter"))
        .isInstanceOf(RegistryException.class)
        .hasMessageContaining(".staging");
    assertThat(registry.resolve("greeter").version()).isEqualTo(1);
  }

  @Test
  void publish_modelIsAFile_leavesNothing() throws Exception {
    Registry registry = new Registry(home);
    Path file = Files.writeString(home.resolve("greeter"), "not a directory");
    try (StagedVersion staged = registry.stage("greeter")) {
      Versions.fill(staged, "weights");
      assertThatThrownBy(() -> staged.publish(Versions.LINEAGE))
          .isInstanceOf(RegistryException.class)
          .hasMessageContaining(file.toString())
          .hasMessageContaining("move away the file");
    }
    assertThat(Versions.tree(home)).containsExactly(".lock", ".staging", "greeter");
  }

  @Test
  void publish_aliasesCannotBeWritten_leavesNothing() throws Exception {
    Registry registry = new Registry(home);
    Versions.publish(registry, "greeter");
    registry.removeAlias("greeter", "default");
    Files.createDirectories(home.resolve("greeter/.aliases.json.new/in-the-way"));
    try (StagedVersion staged = registry.stage("greeter")) {
      Versions.fill(staged, "weights");
      assertThatThrownBy(() -> staged.publish(Versions.LINEAGE))
          .isInstanceOf(RegistryException.class)
          .hasMessageContaining(".aliases.json.new");
    }
    assertThat(registry.versions("greeter")).containsExactly(1);
    assertThat(Versions.tree(home.resolve(".staging"))).isEmpty();
  }
}
