package dev.parley.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.parley.model.gpt2.Gpt2Config;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class Gpt2ConfigFileTest {
  private static final String SHAPE =
      "'vocab_size':50257,'n_ctx':1024,'n_embd':1024,'n_layer':24,'n_head':16";

  @TempDir Path directory;

  @Test
  void read_shapeOnly_defaultsOfGpt2() throws IOException {
    assertThat(Gpt2ConfigFile.read(file("{" + SHAPE + "}"))).isEqualTo(Gpt2Config.shape("medium"));
  }

  @Test
  void read_whatIsWritten_same() throws IOException {
    Gpt2Config config = new Gpt2Config(300, 64, 32, 3, 4, 1e-6, 0.01, 0.25, 7);
    Path file = Files.write(directory.resolve("config.json"), Gpt2ConfigFile.write(config));

    assertThat(Gpt2ConfigFile.read(file)).isEqualTo(config);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "'n_positions':2048|2048 wins over the old n_ctx",
        "'n_inner':4096|",
        "'n_inner':null|",
        "'activation_function':'gelu_pytorch_tanh'|",
        "'reorder_and_upcast_attn':true|",
        "'summary_type':'cls_index','task_specific_params':{'a':[1]}|",
      })
  void read_supportedKeys_accepted(String keys, String why) throws IOException {
    Gpt2Config config = Gpt2ConfigFile.read(file("{" + SHAPE + "," + keys + "}"));

    assertThat(config.contextLength()).as(why).isEqualTo(keys.contains("2048") ? 2048 : 1024);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "'model_type':'llama'|model_type is \"llama\"; supported: \"gpt2\"",
        "'activation_function':'relu'|activation_function is \"relu\"; supported: \"gelu_new\" or",
        "'n_inner':2048|n_inner is 2048; supported: 4096 or null",
        "'scale_attn_weights':false|scale_attn_weights is false; supported: true",
        "'scale_attn_by_inverse_layer_idx':true|layer_idx is true; supported: false",
        "'tie_word_embeddings':false|tie_word_embeddings is false; supported: true",
        "'add_cross_attention':true|add_cross_attention is true; supported: false",
        "'layer_norm_epsilon':'x'|layer_norm_epsilon is \"x\"; expected a number from 0 to 1",
        "'resid_pdrop':2|resid_pdrop is 2; expected a number from 0 to 1",
        "'attn_pdrop':0.2|attn_pdrop is 0.2, but resid_pdrop is 0.1; supported: one value",
        "'n_positions':1.5|n_positions is 1.5; expected a whole number",
        "'n_positions':99999999999|n_positions is 99999999999; expected a whole number",
        "'n_positions':-1|n_positions is -1; expected a number from 0 to 10000000",
        "'n_positions':2147483647|2147483647; expected a number from 0 to 10000000",
        "'n_positions':0|n_positions is 0, but must be at least 1",
        "'eos_token_id':50257|eos_token_id is 50257, but must be below vocab_size = 50257",
        "'eos_token_id':[1,2]|eos_token_id is [1,2]; expected a whole number",
        "'n_layer':3|is not valid JSON: Duplicate",
      })
  void read_unsupportedKey_namesFileKeyValueAndLimit(String keys, String message)
      throws IOException {
    Path file = file("{" + SHAPE + "," + keys + "}");

    assertThatThrownBy(() -> Gpt2ConfigFile.read(file))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining(file.toString())
        .hasMessageContaining(message);
  }

  @Test
  void read_endlessLayers_refused() throws IOException {
    Path file = file("{" + SHAPE.replace("'n_layer':24", "'n_layer':2147483647") + "}");

    assertThatThrownBy(() -> Gpt2ConfigFile.read(file))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("n_layer is 2147483647; expected a number from 0 to 100000");
  }

  @Test
  void read_severalProblems_allAtOnce() throws IOException {
    Path file = file("{'vocab_size':'x','n_embd':10,'n_head':true,'activation_function':'relu'}");

    assertThatThrownBy(() -> Gpt2ConfigFile.read(file))
        .isInstanceOf(CheckpointException.class)
        .hasMessage(
            file
                + " does not describe a GPT-2 that Parley runs:\n"
                + "  activation_function is \"relu\"; supported: \"gelu_new\" or"
                + " \"gelu_pytorch_tanh\"\n"
                + "  n_positions is missing\n"
                + "  vocab_size is \"x\"; expected a whole number\n"
                + "  n_layer is missing\n"
                + "  n_head is true; expected a whole number");
  }

  @ParameterizedTest
  @CsvSource({"[], is not a JSON object", "{, is not valid JSON: Unexpected end-of-input"})
  void read_notAnObject_saysSo(String text, String message) throws IOException {
    Path file = file(text);

    assertThatThrownBy(() -> Gpt2ConfigFile.read(file))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining(file.toString())
        .hasMessageContaining(message);
  }

  private Path file(String json) throws IOException {
    return Files.writeString(directory.resolve("config.json"), json.replace('\'', '"'));
  }
}
