package dev.parley.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDManager;
import dev.parley.model.gpt2.Golden;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Damage anywhere in a file is a CheckpointException, or harmless; never another exception. */
class DamagedCheckpointTest {
  private static final int ROUNDS = 200;

  @TempDir Path directory;

  @ParameterizedTest
  @CsvSource({
    "fp32, model.safetensors",
    "legacy, pytorch_model.bin",
    "zip, pytorch_model.bin",
    "sharded, model.safetensors.index.json",
  })
  void weights_truncatedAnywhere_refused(String folder, String name) throws IOException {
    byte[] whole = copy(folder, name);
    try (NDManager scope = Golden.scope()) {
      for (int i = 0; i < ROUNDS; i++) {
        int kept = (int) ((long) whole.length * i / ROUNDS);
        Files.write(directory.resolve(name), Arrays.copyOf(whole, kept));

        assertThatThrownBy(() -> Gpt2Checkpoint.weights(directory, scope))
            .as("%d of %d bytes", kept, whole.length)
            .isInstanceOf(CheckpointException.class)
            .hasMessageContaining(directory.resolve(name).toString());
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "fp32, model.safetensors, 2560",
    "legacy, pytorch_model.bin, 6000",
    "zip, pytorch_model.bin, 6000",
    "zip, pytorch_model.bin, -6000",
    "sharded, model.safetensors.index.json, 2141",
    "fp32, config.json, 733",
  })
  void weights_bytesChanged_refusedOrLoaded(String folder, String name, int region)
      throws IOException {
    byte[] whole = copy(folder, name);
    long seed = 20240607;
    SplittableRandom random = new SplittableRandom(seed);
    int refused = 0;
    try (NDManager scope = Golden.scope()) {
      for (int i = 0; i < ROUNDS; i++) {
        byte[] damaged = whole.clone();
        for (int changes = random.nextInt(1, 4); changes > 0; changes--) {
          int at = random.nextInt(Math.min(whole.length, Math.abs(region)));
          at = region < 0 ? whole.length - 1 - at : at;
          damaged[at] = (byte) random.nextInt(256);
        }
        Files.write(directory.resolve(name), damaged);
        try {
          Gpt2Checkpoint.weights(directory, scope).close();
        } catch (CheckpointException e) {
          refused++;
        } catch (RuntimeException | Error e) {
          throw new AssertionError("round %d of seed %d".formatted(i, seed), e);
        }
      }
    }
    assertThat(refused).as("seed %d", seed).isPositive();
  }

  private byte[] copy(String folder, String name) throws IOException {
    try (var files = Files.newDirectoryStream(Golden.path(folder))) {
      for (Path file : files) {
        Files.copy(file, directory.resolve(file.getFileName().toString()));
      }
    }
    try (NDManager scope = Golden.scope()) {
      assertThatCode(() -> Gpt2Checkpoint.weights(directory, scope).close())
          .doesNotThrowAnyException();
    }
    return Files.readAllBytes(directory.resolve(name));
  }
}
