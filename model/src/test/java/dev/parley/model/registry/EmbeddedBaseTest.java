package dev.parley.model.registry;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import dev.parley.model.checkpoint.Gpt2Checkpoint;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Gpt2Weights;
import dev.parley.model.text.Tokenizer;
import dev.parley.model.torch.Torch;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EmbeddedBaseTest {
  @TempDir Path home;

  @Test
  void ensure_newRegistry_registersAWholeModel() {
    Registry registry = new Registry(home);

    RegisteredVersion base = EmbeddedBase.ensure(registry);

    assertThat(base.reference()).isEqualTo("parley-tiny@1");
    assertThat(base.manifest().lineage().origin()).isEqualTo("embedded");
    assertThat(base.manifest().fileSha256())
        .containsOnlyKeys(
            "config.json",
            "generation_config.json",
            "merges.txt",
            "model.safetensors",
            "tokenizer.json",
            "vocab.json");
    assertThat(registry.aliases("parley-tiny")).isEqualTo(Map.of("default", 1));
    assertThat(registry.resolve("parley-tiny")).isEqualTo(base);
    registry.verify(base);
    assertThat(Gpt2Checkpoint.config(base.directory())).isEqualTo(Gpt2Config.shape("tiny"));
    try (NDManager scope = Torch.newScope(Device.cpu());
        Gpt2Weights weights = Gpt2Checkpoint.weights(base.directory(), scope);
        Tokenizer tokenizer = Tokenizer.load(base.directory())) {
      assertThat(weights.config().parameterCount()).isGreaterThan(3_000_000);
      assertThat(tokenizer.vocabularySize()).isEqualTo(weights.config().vocabularySize());
      assertThat(tokenizer.endOfText()).isEqualTo(weights.config().endOfText());
      assertThat(tokenizer.encode("hello world")).containsExactly(31373, 995);
    }
  }

  @Test
  void ensure_again_changesNothing() throws Exception {
    Registry registry = new Registry(home.resolve("one"));
    RegisteredVersion first = EmbeddedBase.ensure(registry);
    var before = Versions.tree(home);

    assertThat(EmbeddedBase.ensure(registry)).isEqualTo(first);
    assertThat(Versions.tree(home)).isEqualTo(before);
  }

  @Test
  void ensure_twoRegistries_areTheSameBytes() {
    RegisteredVersion one = EmbeddedBase.ensure(new Registry(home.resolve("one")));
    RegisteredVersion two = EmbeddedBase.ensure(new Registry(home.resolve("two")));

    assertThat(one.manifest().fileSha256()).isEqualTo(two.manifest().fileSha256());
  }
}
