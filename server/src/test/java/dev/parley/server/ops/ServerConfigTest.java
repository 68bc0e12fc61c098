package dev.parley.server.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ServerConfigTest {
  @TempDir private Path directory;

  @Test
  void load_nothingGiven_defaults() {
    ServerConfig config = load(Map.of(), Map.of());

    assertThat(config.listen()).isEqualTo(new HostPort("127.0.0.1", 50_051));
    assertThat(config.admin()).isEqualTo(new HostPort("127.0.0.1", 9_090));
    assertThat(config.home()).isEqualTo(Path.of("var").toAbsolutePath());
    assertThat(config.device()).isEqualTo("auto");
    assertThat(config.precision()).isEqualTo("auto");
    assertThat(config.models()).isEmpty();
    assertThat(config.maxConversations()).isEqualTo(256);
    assertThat(config.maxQueuedTurns()).isEqualTo(128);
    assertThat(config.kvMemory()).isEqualTo(2L << 30);
    assertThat(config.sharePrefixes()).isTrue();
    assertThat(config.maxReplies()).isZero();
    assertThat(config.stepTokens()).isEqualTo(512);
    assertThat(config.promptTokens()).isZero();
    assertThat(config.speculation()).isTrue();
    assertThat(config.trainingConcurrency()).isEqualTo(1);
    assertThat(config.trainerMemory()).isEqualTo(2L << 30);
    assertThat(config.drainTime()).isEqualTo(Duration.ofSeconds(30));
    assertThat(config.maxUpload()).isEqualTo(1L << 30);
    assertThat(config.effective())
        .hasSize(Setting.all().size())
        .allMatch(effective -> effective.source().equals("default"));
  }

  @Test
  void load_everySettingGiven_mapped() {
    Map<String, String> flags =
        Map.ofEntries(
            Map.entry("listen", "[::]:1"),
            Map.entry("admin", "localhost:0"),
            Map.entry("home", directory.toString()),
            Map.entry("device", "CUDA:3"),
            Map.entry("precision", "int8"),
            Map.entry("models", "aurora@2, parley-tiny"),
            Map.entry("max-conversations", "7"),
            Map.entry("max-queued-turns", "8"),
            Map.entry("kv-memory", "512 MiB"),
            Map.entry("share-prefixes", "off"),
            Map.entry("max-replies", "9"),
            Map.entry("step-tokens", "64"),
            Map.entry("prompt-tokens", "10"),
            Map.entry("speculation", "off"),
            Map.entry("training-concurrency", "2"),
            Map.entry("trainer-threads", "3"),
            Map.entry("trainer-niceness", "19"),
            Map.entry("trainer-memory", "1g"),
            Map.entry("drain-time", "1500ms"),
            Map.entry("max-upload", "1000"));
    assertThat(flags.keySet())
        .containsExactlyInAnyOrderElementsOf(Setting.all().stream().map(Setting::name).toList());

    ServerConfig config = load(flags, Map.of());

    assertThat(config.listen()).hasToString("[::]:1");
    assertThat(config.admin()).hasToString("localhost:0");
    assertThat(config.home()).isEqualTo(directory);
    assertThat(config.device()).isEqualTo("cuda:3");
    assertThat(config.precision()).isEqualTo("int8");
    assertThat(config.models()).containsExactly("aurora@2", "parley-tiny");
    assertThat(config.maxConversations()).isEqualTo(7);
    assertThat(config.maxQueuedTurns()).isEqualTo(8);
    assertThat(config.kvMemory()).isEqualTo(512L << 20);
    assertThat(config.sharePrefixes()).isFalse();
    assertThat(config.maxReplies()).isEqualTo(9);
    assertThat(config.stepTokens()).isEqualTo(64);
    assertThat(config.promptTokens()).isEqualTo(10);
    assertThat(config.speculation()).isFalse();
    assertThat(config.trainingConcurrency()).isEqualTo(2);
    assertThat(config.trainerThreads()).isEqualTo(3);
    assertThat(config.trainerNiceness()).isEqualTo(19);
    assertThat(config.trainerMemory()).isEqualTo(1L << 30);
    assertThat(config.drainTime()).isEqualTo(Duration.ofMillis(1_500));
    assertThat(config.maxUpload()).isEqualTo(1_000);
  }

  @Test
  void load_sameSettingFromAllSources_flagThenEnvironmentThenFile() throws IOException {
    Path file = directory.resolve("server.properties");
    Files.writeString(file, "step-tokens=2\nmax-conversations=1\ndrain-time=1s\n");
    Map<String, String> environment =
        Map.of("PARLEY_STEP_TOKENS", "2", "PARLEY_MAX_CONVERSATIONS", "2", "PATH", "/bin");

    ServerConfig config =
        ServerConfig.load(Map.of("step-tokens", "3"), environment, Optional.of(file));

    assertThat(config.stepTokens()).isEqualTo(3);
    assertThat(config.maxConversations()).isEqualTo(2);
    assertThat(config.drainTime()).isEqualTo(Duration.ofSeconds(1));
    assertThat(config.effective())
        .contains(
            new ServerConfig.Effective("step-tokens", "3", "flag"),
            new ServerConfig.Effective("max-conversations", "2", "environment"),
            new ServerConfig.Effective("drain-time", "1s", "file"),
            new ServerConfig.Effective("max-upload", "1g", "default"));
  }

  @Test
  void load_fileNamedByEnvironment_isRead() throws IOException {
    Path file = directory.resolve("server.properties");
    Files.writeString(file, "step-tokens=9\n");

    assertThat(load(Map.of(), Map.of("PARLEY_CONFIG", file.toString())).stepTokens()).isEqualTo(9);
  }

  @Test
  void load_manyProblems_allNamedAtOnce() throws IOException {
    Path file = directory.resolve("server.properties");
    Files.writeString(file, "listne=1\nkv-memory=lots\n");
    Map<String, String> environment = new HashMap<>();
    environment.put("PARLEY_DRAIN_TIEM", "1s");
    environment.put("PARLEY_LISTEN", "50051");

    ConfigurationException e =
        catchThrowableOfType(
            ConfigurationException.class,
            () ->
                ServerConfig.load(
                    Map.of("devise", "cpu", "device", "tpu"), environment, Optional.of(file)));

    assertThat(e.problems())
        .containsExactlyInAnyOrder(
            "--devise is unknown; the nearest is --device",
            "key 'listne' in " + file + " is unknown; the nearest is listen",
            "variable PARLEY_DRAIN_TIEM is unknown; the nearest is PARLEY_DRAIN_TIME",
            "PARLEY_LISTEN is '50051', but must be HOST:PORT, such as 127.0.0.1:50051",
            "--device is 'tpu', but must be auto, cpu or cuda:N",
            "kv-memory in " + file + " is 'lots', but must be a size such as 512m, 2g or 1048576");
    assertThat(e).hasMessageStartingWith("6 configuration problems:\n  ");
  }

  @Test
  void load_configurationFileMissing_named() {
    Path file = directory.resolve("absent.properties");

    assertThatThrownBy(() -> ServerConfig.load(Map.of(), Map.of(), Optional.of(file)))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("--config " + file + " cannot be read");
  }

  @ParameterizedTest
  @CsvSource({
    "listen, ::1:50051, in brackets",
    "listen, localhost:65536, from 0 to 65535",
    "listen, :50051, must be HOST:PORT",
    "precision, fp8, use auto",
    "max-conversations, 0, whole number from 1",
    "step-tokens, many, whole number from 2",
    "speculation, on, must be auto or off",
    "kv-memory, 1k, at least 1048576 bytes",
    "kv-memory, 999999999999t, more bytes than",
    "drain-time, 30, a time such as",
    "drain-time, -1s, a time such as",
  })
  void load_valueOutOfRange_namesValueAndLimit(String name, String value, String limit) {
    assertThatThrownBy(() -> load(Map.of(name, value), Map.of()))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageStartingWith("--%s is '%s'".formatted(name, value))
        .hasMessageContaining(limit);
  }

  @Test
  void variable_everySetting_isItsNameInCapitals() {
    assertThat(List.of(Setting.KV_MEMORY.variable(), Setting.LISTEN.variable()))
        .containsExactly("PARLEY_KV_MEMORY", "PARLEY_LISTEN");
  }

  private static ServerConfig load(Map<String, String> flags, Map<String, String> environment) {
    return ServerConfig.load(flags, environment, Optional.empty());
  }
}
