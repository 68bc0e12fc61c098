package dev.parley.model.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TokenizerFilesTest {
  /** Four letters, a merge, an end of text, an added word and a control token. */
  private static final String SMALL =
      """
      {"added_tokens": [
         {"id": 5, "content": "<|endoftext|>", "special": true, "single_word": false,
          "lstrip": false, "rstrip": false, "normalized": false},
         {"id": 6, "content": "<pad>", "special": true, "single_word": false,
          "lstrip": false, "rstrip": false, "normalized": false},
         {"id": 7, "content": "été", "special": false, "single_word": false,
          "lstrip": false, "rstrip": false, "normalized": false}],
       "truncation": {"max_length": 3, "strategy": "LongestFirst", "stride": 0,
          "direction": "Right"},
       "padding": {"strategy": {"Fixed": 9}, "direction": "Right", "pad_to_multiple_of": null,
          "pad_id": 6, "pad_type_id": 0, "pad_token": "<pad>"},
       "normalizer": null,
       "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
          "use_regex": true},
       "post_processor": {"type": "TemplateProcessing",
          "single": [{"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}},
             {"Sequence": {"id": "A", "type_id": 0}}],
          "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
          "special_tokens": {"<|endoftext|>":
             {"id": "<|endoftext|>", "ids": [5], "tokens": ["<|endoftext|>"]}}},
       "decoder": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
          "use_regex": true},
       "model": {"type": "BPE", "dropout": 1.0, "unk_token": null,
          "continuing_subword_prefix": null, "end_of_word_suffix": null, "fuse_unk": false,
          "byte_fallback": false, "vocab": {"a": 0, "b": 1, "c": 2, "<": 3, "ab": 4},
          "merges": [["a", "b"]]}}
      """;

  @TempDir Path directory;

  @Test
  void load_foreignSettings_neitherCutNorPadNorAddNorDrop() throws IOException {
    write("tokenizer.json", SMALL);
    write("tokenizer_config.json", "{\"model_max_length\": 2, \"add_bos_token\": true}");
    try (Tokenizer tokenizer = Tokenizer.load(directory)) {
      assertThat(tokenizer.encode("ab")).containsExactly(4);
      assertThat(tokenizer.encode("abccccab")).containsExactly(4, 2, 2, 2, 2, 4);
      assertThat(tokenizer.endOfText()).isEqualTo(5);
      assertThat(tokenizer.vocabularySize()).isEqualTo(8);
    }
  }

  @Test
  void load_addedTokens_wordsKeepTheirIdsAndControlTokensCannotBeTyped() throws IOException {
    write("tokenizer.json", SMALL);
    try (Tokenizer tokenizer = Tokenizer.load(directory)) {
      assertThat(tokenizer.encode("abétéc")).containsExactly(4, 7, 2);
      assertThat(tokenizer.decode(4, 7, 5, 6, 2)).isEqualTo("abétéc");
      assertThat(tokenizer.encode("<pad>")).doesNotContain(6).startsWith(3);
      assertThat(tokenizer.bytes(6)).isEmpty();
    }
  }

  @Test
  void load_addedTokensJson_countsThem() throws IOException {
    write("vocab.json", "{\"a\": 0, \"b\": 1, \"ab\": 2, \"<|endoftext|>\": 3}");
    write("merges.txt", "#version: 0.2\r\na b\r\n");
    write("added_tokens.json", "{\"<pad>\": 4}");
    try (Tokenizer tokenizer = Tokenizer.load(directory)) {
      assertThat(tokenizer.encode("abba")).containsExactly(2, 1, 0);
      assertThat(tokenizer.vocabularySize()).isEqualTo(5);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      quoteCharacter = '`',
      textBlock =
          """
          {"a": 0                                  ; a b ; vocab.json ; is no JSON: Unexpected
          [1]                                      ; a b ; vocab.json ; not a JSON object
          {"a": 0, "b": 1, "ab": 2}                ; a b ; vocab.json ; <|endoftext|>
          {"a": 0, "b": 7, "<|endoftext|>": 1}     ; a b ; vocab.json ; 7
          {"a": 0, "b": 0, "<|endoftext|>": 1}     ; a b ; vocab.json ; each once
          {"a": 0, "b": "x", "<|endoftext|>": 1}   ; a b ; vocab.json ; "x"
          {"a b": 0, "<|endoftext|>": 1}           ; a b ; vocab.json ; 'a b'
          {"a": 0, "b": 1, "<|endoftext|>": 2}     ; a b ; merges.txt ; ab
          {"a": 0, "b": 1, "<|endoftext|>": 2}     ; a   ; merges.txt ; erge
          """)
  void load_damagedFiles_namesFileAndReason(
      String vocabulary, String merges, String file, String reason) throws IOException {
    write("vocab.json", vocabulary);
    write("merges.txt", merges);

    assertThatThrownBy(() -> Tokenizer.load(directory))
        .isInstanceOf(TokenizerException.class)
        .hasMessageContaining(directory.toString())
        .hasMessageContaining(file)
        .hasMessageContaining(reason);
  }

  @Test
  void load_otherKindOfTokenizer_saysWhatIsNeeded() throws IOException {
    write("tokenizer.json", "{\"model\": {\"type\": \"WordPiece\", \"vocab\": {}}}");

    assertThatThrownBy(() -> Tokenizer.load(directory))
        .isInstanceOf(TokenizerException.class)
        .hasMessageContaining("tokenizer.json")
        .hasMessageContaining("WordPiece")
        .hasMessageContaining("byte-level BPE");
  }

  @Test
  void load_noFiles_namesThem() throws IOException {
    write("vocab.json", "{}");

    assertThatThrownBy(() -> Tokenizer.load(directory))
        .isInstanceOf(TokenizerException.class)
        .hasMessage(
            directory + " has no tokenizer: it needs tokenizer.json, or vocab.json and merges.txt");
    assertThatThrownBy(() -> Tokenizer.load(directory.resolve("missing")))
        .isInstanceOf(TokenizerException.class)
        .hasMessageContaining("missing is not a directory");
  }

  @Test
  void copyFiles_directory_takesTheTokenizersFilesOnly(@TempDir Path target) throws IOException {
    write("vocab.json", "{}");
    write("merges.txt", "");
    write("special_tokens_map.json", "{}");
    write("model.safetensors", "weights");

    Tokenizer.copyFiles(directory, target);

    try (var files = Files.list(target)) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .containsExactlyInAnyOrder("vocab.json", "merges.txt", "special_tokens_map.json");
    }
  }

  private void write(String name, String content) throws IOException {
    Files.writeString(directory.resolve(name), content);
  }
}
