package dev.parley.model.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ModelReferenceTest {
  @Test
  void parse_forms_givesParts() {
    assertThat(ModelReference.parse("parley-tiny")).isEqualTo(ModelReference.of("parley-tiny"));
    assertThat(ModelReference.parse("a@12")).isEqualTo(ModelReference.of("a", 12));
    assertThat(ModelReference.parse("7b_v1.0@stable"))
        .isEqualTo(new ModelReference("7b_v1.0", OptionalInt.empty(), Optional.of("stable")));
    assertThat(ModelReference.parse("a".repeat(64)).name()).hasSize(64);
  }

  @ParameterizedTest
  @ValueSource(strings = {"a", "a@1", "a@999999999", "a@default", "a@latest", "0-9._@b.c-d_e"})
  void toString_parsed_isWhatWasParsed(String reference) {
    assertThat(ModelReference.parse(reference)).hasToString(reference);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "A",
        "a b",
        "a/b",
        "a\\b",
        "..",
        ".",
        ".a",
        "../a",
        "a/../b",
        "/a",
        "~",
        "ä",
        "a\n",
        "a\0",
        "@1",
        "a@",
        "a@0",
        "a@01",
        "a@-1",
        "a@+1",
        "a@1.5",
        "a@1000000000",
        "a@v 1",
        "a@A",
        "a@b@c",
        "a@1@2",
        "a@.x",
        "a@../x",
        "a@_x",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" + "aaaaaaaaaaaaaaaaa"
      })
  void parse_noReference_isRefused(String reference) {
    assertThatThrownBy(() -> ModelReference.parse(reference))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'")
        .hasMessageContaining("64 lower-case letters");
  }

  @Test
  void create_impossibleParts_isRefused() {
    assertThatThrownBy(() -> ModelReference.of("a", 0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("start at 1");
    assertThatThrownBy(() -> new ModelReference("a", OptionalInt.of(1), Optional.of("b")))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
