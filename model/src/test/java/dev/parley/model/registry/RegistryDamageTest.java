package dev.parley.model.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A registry whose files someone else has touched. */
class RegistryDamageTest {
  @TempDir Path root;
  private Registry registry;
  private RegisteredVersion version;

  @BeforeEach
  void publish() {
    registry = new Registry(root);
    version = Versions.publish(registry, "greeter");
  }

  @Test
  void verify_changedFile_isNamed() throws Exception {
    Files.writeString(version.directory().resolve("model.safetensors"), "w3ights");
    assertDamaged("model.safetensors", "SHA-256");
  }

  @Test
  void verify_missingFile_isNamed() throws Exception {
    Files.delete(version.directory().resolve("config.json"));
    assertDamaged("config.json", "missing");
  }

  @Test
  void verify_addedFile_isNamed() throws Exception {
    Files.writeString(version.directory().resolve("tokenizer.json"), "{}");
    assertDamaged("tokenizer.json", "added");
  }

  @Test
  void export_changedFile_isRefused(@TempDir Path elsewhere) throws Exception {
    Files.writeString(version.directory().resolve("config.json"), "{ }");

    assertThatThrownBy(() -> registry.export(version, elsewhere.resolve("out")))
        .isInstanceOf(DamagedVersionException.class);
    assertThat(elsewhere).isEmptyDirectory();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "[]",
        "{}",
        "{\"create_time\": \"yesterday\"}",
        "null",
        "{\"file_sha256\": {}}",
        "{\"create_time\": \"2026-01-01T00:00:00Z\", \"file_sha256\": {}, \"lineage\": {}}"
      })
  void resolve_damagedManifest_namesTheFile(String content) throws Exception {
    Path file = version.directory().resolve("parley.json");
    Files.writeString(file, content);

    assertThatThrownBy(() -> registry.resolve("greeter"))
        .isInstanceOf(DamagedVersionException.class)
        .hasMessageContaining(file + " is damaged");
    assertThat(registry.models()).containsExactly("greeter");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "{", "[]", "{\"default\": \"one\"}", "null"})
  void resolve_damagedAliases_namesTheFile(String content) throws Exception {
    Path file = root.resolve("greeter/aliases.json");
    Files.writeString(file, content);

    assertThatThrownBy(() -> registry.resolve("greeter"))
        .isInstanceOf(RegistryException.class)
        .hasMessageContaining(file + " is damaged");
    assertThat(registry.resolve("greeter@1")).isEqualTo(version);
    assertThat(file).content().isEqualTo(content);
  }

  @Test
  void aliases_ofVersionsThatAreNotThere_nameNothing() throws Exception {
    Files.writeString(root.resolve("greeter/aliases.json"), "{\"default\": 4, \"stable\": 1}");

    assertThat(registry.aliases("greeter")).containsOnlyKeys("stable");
    assertThatThrownBy(() -> registry.resolve("greeter"))
        .isInstanceOf(ModelNotFoundException.class)
        .hasMessageContaining("no alias 'default'");
    Versions.publish(registry, "greeter");
    assertThat(registry.resolve("greeter").version()).isEqualTo(2);
  }

  @Test
  void models_foreignEntries_areSkipped() throws Exception {
    Files.createDirectories(root.resolve("lost+found/1"));
    Files.createDirectories(root.resolve("Upper Case/1"));
    Files.createDirectories(root.resolve("empty"));
    Files.writeString(root.resolve("notes.txt"), "hello");
    Files.createDirectories(root.resolve("greeter/2"));
    Files.createDirectories(root.resolve("greeter/backup"));
    Files.writeString(root.resolve("greeter/3"), "no directory");

    assertThat(registry.models()).containsExactly("greeter");
    assertThat(registry.versions("greeter")).containsExactly(1);
    assertThat(Versions.publish(registry, "greeter").version()).isEqualTo(4);
  }

  private void assertDamaged(String file, String reason) {
    assertThatThrownBy(() -> registry.verify(version))
        .isInstanceOf(DamagedVersionException.class)
        .hasMessageContaining("greeter@1")
        .hasMessageContaining(version.directory().resolve(file).toString())
        .hasMessageContaining(reason);
  }
}
