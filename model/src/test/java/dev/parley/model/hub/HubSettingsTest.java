package dev.parley.model.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HubSettingsTest {
  @TempDir Path home;

  @Test
  void of_nothing_isWhatHuggingFaceDoes() {
    HubSettings settings = HubSettings.of(Map.of(), home);

    assertThat(settings.endpoint()).isEqualTo(URI.create("https://huggingface.co"));
    assertThat(settings.cache()).isEqualTo(home.resolve(".cache/huggingface/hub"));
    assertThat(settings.token()).isEmpty();
    assertThat(settings.offline()).isFalse();
  }

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          HF_HOME=/data/hf,                              /data/hf/hub
          XDG_CACHE_HOME=/data,                          /data/huggingface/hub
          HF_HOME=/data/hf HF_HUB_CACHE=/c,              /c
          HF_HOME=/data/hf HUGGINGFACE_HUB_CACHE=/d,     /d
          DISK=/big HF_HOME=$DISK/hf,                    /big/hf/hub
          DISK=/big HF_HUB_CACHE=${DISK}/cache,          /big/cache
          """)
  void of_variables_nameTheCache(String variables, String cache) {
    assertThat(HubSettings.of(environment(variables), home).cache()).isEqualTo(Path.of(cache));
  }

  @Test
  void of_tilde_isTheUsersHome() {
    assertThat(HubSettings.of(Map.of("HF_HOME", "~/hf"), home).cache())
        .isEqualTo(home.resolve("hf/hub"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"\uFEFFhf_secret", "hf_secret\nhf_other", "hf_se\u200Bcret"})
  void of_tokenWithAStrayCharacter_isRefusedAndNotShown(String token) {
    assertThatThrownBy(() -> HubSettings.of(Map.of("HF_TOKEN", token), home))
        .isInstanceOf(HubException.class)
        .hasMessageContaining("HF_TOKEN")
        .hasMessageNotContaining("secret");
  }

  @Test
  void of_token_comesFromTheEnvironmentThenFromTheFile() throws IOException {
    Files.createDirectories(home.resolve(".cache/huggingface"));
    Files.writeString(home.resolve(".cache/huggingface/token"), "hf_file\n");

    assertThat(HubSettings.of(Map.of(), home).token()).contains("hf_file");
    assertThat(HubSettings.of(Map.of("HF_TOKEN", " hf_env "), home).token()).contains("hf_env");
    assertThat(HubSettings.of(Map.of("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1"), home).token())
        .isEmpty();
    assertThat(HubSettings.of(Map.of("HF_TOKEN", "hf_env"), home))
        .asString()
        .doesNotContain("hf_env");
  }

  @ParameterizedTest
  @ValueSource(strings = {"HF_HUB_OFFLINE=1", "HF_HUB_OFFLINE=yes", "TRANSFORMERS_OFFLINE=TRUE"})
  void of_offline_isAnyOfTheWordsForIt(String variable) {
    assertThat(HubSettings.of(environment(variable), home).offline()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"HF_ENDPOINT=hub.example.com", "HF_ENDPOINT=ftp://x", "HF_HUB_ETAG_TIMEOUT=soon"})
  void of_nonsense_isNamed(String variable) {
    assertThatThrownBy(() -> HubSettings.of(environment(variable), home))
        .isInstanceOf(HubException.class)
        .hasMessageContaining(variable.replaceAll("=.*", ""))
        .hasMessageContaining(variable.replaceAll(".*=", ""));
  }

  @Test
  void of_proxies_areThoseOfTheEnvironment() {
    HubSettings settings =
        HubSettings.of(
            Map.of(
                "HTTPS_PROXY", "http://proxy.example:3128",
                "no_proxy", "internal.example, .lan,localhost"),
            home);

    assertThat(settings.proxies().select(URI.create("https://huggingface.co/x")))
        .containsExactly(
            new Proxy(Proxy.Type.HTTP, InetSocketAddress.createUnresolved("proxy.example", 3128)));
    for (String direct :
        new String[] {
          "https://internal.example/",
          "https://hub.internal.example/",
          "https://a.lan/",
          "http://huggingface.co/"
        }) {
      assertThat(settings.proxies().select(URI.create(direct)))
          .as(direct)
          .containsExactly(Proxy.NO_PROXY);
    }
  }

  @ParameterizedTest
  @CsvSource(
      nullValues = "none",
      textBlock =
          """
          microsoft/DialoGPT-medium,        microsoft/DialoGPT-medium, main
          openai-community/gpt2@v1.0,       openai-community/gpt2,     v1.0
          a/b@refs/pr/1,                    a/b,                       refs/pr/1
          dialogpt,                         none,                      none
          dialogpt@2,                       none,                      none
          a/b/c,                            none,                      none
          ./a,                              none,                      none
          a/../b,                           none,                      none
          a/b--c,                           none,                      none
          a/b@../../x,                      none,                      none
          a/b@,                             none,                      none
          """)
  void parse_reference_isAnIdIfItHasASlash(String text, String repository, String revision) {
    assertThat(HubId.parse(text).map(HubId::repository).orElse(null)).isEqualTo(repository);
    assertThat(HubId.parse(text).map(HubId::revisionOrMain).orElse(null)).isEqualTo(revision);
  }

  private static Map<String, String> environment(String variables) {
    Map<String, String> environment = new java.util.HashMap<>();
    for (String variable : variables.split(" ")) {
      String[] parts = variable.split("=", 2);
      environment.put(parts[0], parts[1]);
    }
    return environment;
  }
}
