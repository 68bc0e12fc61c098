package dev.parley.server.chat;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.v1.GenerationParameters;
import org.junit.jupiter.api.Test;

class GenerationTest {
  private static final GenerationParameters NOTHING = GenerationParameters.getDefaultInstance();

  private static GenerationParameters.Builder some() {
    return GenerationParameters.newBuilder();
  }

  @Test
  void inForce_nothingGiven_isWhatTheContractDocuments() {
    GenerationParameters all = Generation.inForce(NOTHING, NOTHING);

    assertThat(all.getMaxNewTokens()).isEqualTo(128);
    assertThat(all.getDoSample()).isFalse();
    assertThat(all.hasSeed()).isFalse();
    GenerationParameters.getDescriptor().getFields().stream()
        .filter(field -> field.hasPresence() && !field.getName().equals("seed"))
        .forEach(field -> assertThat(all.hasField(field)).as(field.getName()).isTrue());
  }

  @Test
  void inForce_clientBeforeVersionBeforeDocumented() {
    GenerationParameters all =
        Generation.inForce(
            some().setTopK(50).setMaxNewTokens(77).build(), some().setTopK(3).build());

    assertThat(all.getTopK()).isEqualTo(3);
    assertThat(all.getMaxNewTokens()).isEqualTo(77);
    assertThat(all.getTopP()).isEqualTo(1);
  }

  @Test
  void inForce_clientAsksForASamplingParameter_samples() {
    assertThat(Generation.inForce(NOTHING, some().setTypicalP(0.9f).build()).getDoSample())
        .isTrue();
    assertThat(
            Generation.inForce(NOTHING, some().setTopK(3).setDoSample(false).build()).getDoSample())
        .as("unless it says otherwise")
        .isFalse();
    assertThat(Generation.inForce(some().setTopK(3).build(), NOTHING).getDoSample())
        .as("a parameter of the version says nothing about it")
        .isFalse();
    assertThat(Generation.inForce(some().setDoSample(true).build(), NOTHING).getDoSample())
        .isTrue();
  }

  @Test
  void overlay_lists_replaceAsAWhole() {
    GenerationParameters all =
        Generation.overlay(
            some().addStop("a").addBadWords("x").putLogitBias(1, 2).build(),
            some().addStop("b").putLogitBias(3, 4).build());

    assertThat(all.getStopList()).containsExactly("b");
    assertThat(all.getBadWordsList()).containsExactly("x");
    assertThat(all.getLogitBiasMap()).containsOnlyKeys(3);
  }
}
