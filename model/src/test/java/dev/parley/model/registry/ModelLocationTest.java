package dev.parley.model.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.parley.model.hub.Hub;
import dev.parley.model.hub.HubException;
import dev.parley.model.hub.HubListener;
import dev.parley.model.hub.HubSettings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelLocationTest {
  @TempDir Path home;
  private Registry registry;

  @BeforeEach
  void open() {
    registry = new Registry(home.resolve("registry"));
    Versions.publish(registry, "greeter");
    Versions.publish(registry, "greeter");
  }

  @Test
  void locate_reference_isTheVersionsDirectory() {
    assertThat(registry.locate("greeter")).isEqualTo(home.resolve("registry/greeter/1"));
    assertThat(registry.locate("greeter@2")).isEqualTo(home.resolve("registry/greeter/2"));
  }

  @Test
  void locate_directory_isThatIfItIsAModel() throws Exception {
    Path model = Files.createDirectories(home.resolve("Some Model"));
    assertThatThrownBy(() -> registry.locate(model.toString()))
        .isInstanceOf(RegistryException.class)
        .hasMessageContaining(model + " is no model: it has no config.json");

    Files.writeString(model.resolve("config.json"), "{}");
    assertThat(registry.locate(model.toString())).isEqualTo(model);
  }

  @Test
  void locate_hubId_isTheHubsUnlessADirectoryHasItsName() throws Exception {
    Path cache = home.resolve("hub");
    Hub offline =
        new Hub(
            HubSettings.of(Map.of("HF_HUB_OFFLINE", "1", "HF_HUB_CACHE", cache.toString()), home));

    for (String id : new String[] {"microsoft/DialoGPT-medium", "openai/gpt2@v1.0"}) {
      assertThatThrownBy(() -> registry.locate(id, () -> offline, HubListener.NONE))
          .isInstanceOf(HubException.class)
          .hasMessageContaining(id + " is not in " + cache);
    }
    assertThat(registry.locate("greeter@2", () -> offline, HubListener.NONE))
        .isEqualTo(home.resolve("registry/greeter/2"));
    Path model = Files.createDirectories(home.resolve("org/model"));
    Files.writeString(model.resolve("config.json"), "{}");
    assertThat(registry.locate(model.toString(), () -> offline, HubListener.NONE)).isEqualTo(model);
  }

  @Test
  void locate_nothing_saysWhatIsMissing() {
    assertThatThrownBy(() -> registry.locate("greter"))
        .isInstanceOf(ModelNotFoundException.class)
        .hasMessageContaining("nearest is 'greeter'");
    assertThatThrownBy(() -> registry.locate("./missing"))
        .isInstanceOf(RegistryException.class)
        .hasMessageContaining("directory ./missing does not exist");
    assertThatThrownBy(() -> registry.locate("greeter@2@3"))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> registry.locate("")).isInstanceOf(IllegalArgumentException.class);
  }
}
