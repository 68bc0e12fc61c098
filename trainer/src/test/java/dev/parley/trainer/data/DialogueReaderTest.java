package dev.parley.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

final class DialogueReaderTest {
  @TempDir Path directory;

  @Test
  void read_messagesWithTrainFlags_keepsRolesTextsAndFlags() throws IOException {
    List<Dialogue> dialogues =
        read(
            "a.jsonl",
            """
            {"id":7,"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hé – 👋","train":false}]}

            {"messages":[{"content":"x","role":"narrator","train":true},{"role":"bot","content":"y","extra":[1]}]}
            """);

    assertThat(dialogues)
        .containsExactly(
            new Dialogue(
                List.of(
                    Turn.of("user", "Hi"), new Turn("assistant", "Hé – 👋", Optional.of(false)))),
            new Dialogue(
                List.of(new Turn("narrator", "x", Optional.of(true)), Turn.of("assistant", "y"))));
  }

  @Test
  void read_shareGpt_namesTheSpeakersAsOurs() throws IOException {
    List<Dialogue> dialogues =
        read(
            "a.jsonl",
            "{\"conversations\":[{\"from\":\"human\",\"value\":\"a\"},{\"from\":\"gpt\",\"value\":\"b\"}]}");

    assertThat(dialogues)
        .containsExactly(new Dialogue(List.of(Turn.of("user", "a"), Turn.of("assistant", "b"))));
  }

  @Test
  void read_csvWithQuotesAndLineEnds_keepsThem() throws IOException {
    List<Dialogue> dialogues =
        read("a.csv", "\ufeffid,context,response\r\n1,\"say \"\"a,b\"\"\",\"two\nlines\"\r\n");

    assertThat(texts(dialogues)).containsExactly(List.of("say \"a,b\"", "two\nlines"));
  }

  @Test
  void read_csvWithSeveralContextColumns_readsTheOldestFirst() throws IOException {
    List<Dialogue> dialogues =
        read(
            "a.csv",
            "response,context10,Context2,context\nlast,c,b,a\nend,,second EOS third,first\n");

    assertThat(texts(dialogues))
        .containsExactly(
            List.of("a", "b", "c", "last"), List.of("first", "second", "third", "end"));
    assertThat(dialogues.get(0).turns().stream().map(Turn::role))
        .containsExactly("user", "assistant", "user", "assistant");
  }

  @Test
  void read_notebookLayout_goesBackInTime() throws IOException {
    List<Dialogue> dialogues = read("a.csv", "response,context,context/0,context/1\nd,c,b,a\n");

    assertThat(texts(dialogues)).containsExactly(List.of("a", "b", "c", "d"));
  }

  @Test
  void read_rowsThatContinueTheRowBefore_areOneDialogue() throws IOException {
    List<Dialogue> dialogues = read("a.csv", "context,response\na,b\na EOS b EOS c,d\na,b\na,b\n");

    assertThat(texts(dialogues))
        .containsExactly(List.of("a", "b", "c", "d"), List.of("a", "b"), List.of("a", "b"));
  }

  @Test
  void read_rowsThatContinueTheRowBefore_keepTheirResponses() throws IOException {
    List<Dialogue> dialogues =
        read("a.csv", "context,response\na,b\na EOS b,c\na EOS b EOS c EOS d,e\n");

    assertThat(dialogues)
        .containsExactly(
            new Dialogue(
                List.of(
                    Turn.of("user", "a"),
                    new Turn("assistant", "b", Optional.of(true)),
                    new Turn("assistant", "c", Optional.of(true)),
                    Turn.of("user", "d"),
                    Turn.of("assistant", "e"))));
  }

  @Test
  void read_tsvWithHeader_isATable() throws IOException {
    assertThat(texts(read("a.tsv", "response\tcontext\nb, c\ta\n")))
        .containsExactly(List.of("a", "b, c"));
  }

  @Test
  void read_dialoGptLines_takesWeightsAndKeepsNumbers() throws IOException {
    List<Dialogue> dialogues =
        read(
            "a.tsv",
            """
            0.0 hi EOS 0.0 hello there EOS 1.0 how are you ?\t1.0 fine .
            20 dollars .\t0.5 miles EOS away
            1.5 litres\t3 EOSes
            """);

    assertThat(dialogues.get(0).turns())
        .containsExactly(
            new Turn("user", "hi", Optional.of(false)),
            new Turn("assistant", "hello there", Optional.of(false)),
            Turn.of("user", "how are you ?"),
            Turn.of("assistant", "fine ."));
    assertThat(texts(dialogues).get(1)).containsExactly("20 dollars .", "0.5 miles EOS away");
    assertThat(texts(dialogues).get(2)).containsExactly("1.5 litres", "3 EOSes");
  }

  @ParameterizedTest
  @MethodSource("malformed")
  void read_malformedFile_namesPlaceAndExpectation(String name, String content, String problem)
      throws IOException {
    assertThatThrownBy(() -> read(name, content))
        .isInstanceOf(InvalidDataException.class)
        .hasMessageContaining(problem);
  }

  static Stream<Arguments> malformed() {
    String good =
        "{\"messages\":[{\"role\":\"u\",\"content\":\"a\"},{\"role\":\"a\",\"content\":\"b\"}]}\n";
    return Stream.of(
        Arguments.of("a.jsonl", "", "a.jsonl: is empty"),
        Arguments.of("a.csv", "", "a.csv: is empty"),
        Arguments.of("a.tsv", "\n\n", "a.tsv: is empty"),
        Arguments.of("a.txt", "x", "unknown kind of file; expected .jsonl, .csv or .tsv"),
        Arguments.of(
            "a.jsonl", good + "{\"messages\":[", "a.jsonl:2:14: the line ends within the JSON"),
        Arguments.of("a.jsonl", good + "nonsense\n", "a.jsonl:2:1: broken JSON"),
        Arguments.of("a.jsonl", good.strip() + " 1", ": found the number 1 after the object"),
        Arguments.of("a.jsonl", "[1]", "a.jsonl:1:1: found a list, expected {\"messages\""),
        Arguments.of("a.jsonl", "{\"text\":\"x\"}", "neither messages nor conversations"),
        Arguments.of("a.jsonl", "{\"messages\":{}}", "messages is an object, expected a list"),
        Arguments.of("a.jsonl", "{\"messages\":null}", "messages is null, expected a list"),
        Arguments.of("a.jsonl", "{\"messages\":[]}", "has no turns, expected at least 2"),
        Arguments.of(
            "a.jsonl",
            "{\"messages\":[{\"role\":\"u\",\"content\":\"a\"}]}",
            "has 1 turn, expected at least 2"),
        Arguments.of(
            "a.jsonl", "{\"messages\":[\"a\"]}", "1:14: messages[0] is a text, expected {"),
        Arguments.of(
            "a.jsonl",
            "{\"messages\":[{\"role\":\"u\"}]}",
            "messages[0] has no content, expected {\"role\""),
        Arguments.of("a.jsonl", "{\"messages\":[{\"content\":\"u\"}]}", "messages[0] has no role"),
        Arguments.of(
            "a.jsonl",
            "{\"messages\":[{\"role\":\"u\",\"content\":3}]}",
            "1:36: messages[0].content is the number 3, expected a text"),
        Arguments.of(
            "a.jsonl",
            "{\"messages\":[{\"role\":\"u\",\"content\":\" \"}]}",
            "messages[0].content is empty"),
        Arguments.of(
            "a.jsonl",
            "{\"messages\":[{\"role\":\"u\",\"content\":\"x\",\"train\":\"no\"}]}",
            "messages[0].train is a text, expected true or false"),
        Arguments.of(
            "a.jsonl",
            "{\"messages\":[],\"messages\":[]}",
            "Duplicate Object property \"messages\""),
        Arguments.of(
            "a.jsonl",
            good.strip().replace("]}", "],\"conversations\":[]}"),
            "both messages and conversations are given"),
        Arguments.of(
            "a.jsonl",
            "{\"conversations\":[{\"from\":\"human\",\"text\":\"x\"}]}",
            "conversations[0] has no value"),
        Arguments.of(
            "a.csv",
            "question,answer\na,b\n",
            "a.csv:1: found the columns question, answer; expected"),
        Arguments.of("a.csv", "context\na\n", "expected the columns context and response"),
        Arguments.of("a.csv", "context,response,response\na,b,c\n", "two columns response"),
        Arguments.of("a.csv", "context,response\na,b\na\n", "a.csv:3: found 1 field, expected 2"),
        Arguments.of("a.csv", "context,response\na,b,c\n", "a.csv:2: found 3 fields, expected 2"),
        Arguments.of("a.csv", "context,response\n,b\n", "a.csv:2: the context is empty"),
        Arguments.of("a.csv", "context,response\na, \n", "a.csv:2: the response is empty"),
        Arguments.of("a.csv", "context,response\na,\"b\n", "broken quotes"),
        Arguments.of("a.csv", "context,response\na,\"b\" c\n", "broken quotes"),
        Arguments.of("a.csv", "context,response\n", "a.csv: is empty"),
        Arguments.of("a.tsv", "only one field\n", "a.tsv:1:15: found no tab"),
        Arguments.of("a.tsv", "a\tb\tc\n", "a.tsv:1:4: found a second tab"),
        Arguments.of("a.tsv", "a EOS  EOS b\tc\n", "turn 2 is empty"),
        Arguments.of("a.tsv", "0.0 \tc\n", "a.tsv:1:1: turn 1 is empty"),
        Arguments.of("a.tsv", "a\t1.0\n", "a.tsv:1:3: turn 2 is empty"));
  }

  @Test
  void read_brokenJsonInLine7312_namesThatLineAlone() throws IOException {
    String good =
        "{\"messages\":[{\"role\":\"u\",\"content\":\"a\"},{\"role\":\"a\",\"content\":\"b\"}]}\n";
    String content = good.repeat(7311) + good.replace("}]}", "}]") + good.repeat(100);

    assertThatThrownBy(() -> read("big.jsonl", content))
        .isInstanceOfSatisfying(
            InvalidDataException.class,
            e -> {
              assertThat(e.problems()).hasSize(1);
              assertThat(e.problems().get(0).line()).isEqualTo(7312);
            });
  }

  @Test
  void read_thirtyProblems_listsTwentyAndSaysThatThereAreMore() {
    assertThatThrownBy(() -> read("a.jsonl", "{}\n".repeat(30)))
        .isInstanceOfSatisfying(
            InvalidDataException.class, e -> assertThat(e.problems()).hasSize(20))
        .hasMessageContaining("a.jsonl:20:")
        .hasMessageContaining("more problems");
  }

  @Test
  void read_invalidUtf8_namesLineColumnAndByte() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    bytes.write("a\tb\nä\tc".getBytes(StandardCharsets.UTF_8));
    bytes.write(0xff);
    Path file = directory.resolve("a.tsv");
    Files.write(file, bytes.toByteArray());

    assertThatThrownBy(() -> DialogueReader.read(file))
        .isInstanceOf(InvalidDataException.class)
        .hasMessage("a.tsv:2:4: byte 0xff is no UTF-8; save the file as UTF-8");
  }

  @Test
  void read_gzipOfAnyFormat_isUnpacked() throws IOException {
    Path file = directory.resolve("a.tsv.gz");
    try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(file))) {
      out.write("a\tb\n".getBytes(StandardCharsets.UTF_8));
    }

    assertThat(texts(DialogueReader.read(file))).containsExactly(List.of("a", "b"));
  }

  @Test
  void read_gzipCutShort_isAProblem() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (OutputStream out = new GZIPOutputStream(bytes)) {
      out.write("a\tb\n".repeat(1000).getBytes(StandardCharsets.UTF_8));
    }
    Path file = directory.resolve("a.tsv.gz");
    Files.write(file, java.util.Arrays.copyOf(bytes.toByteArray(), bytes.size() - 12));

    assertThatThrownBy(() -> DialogueReader.read(file))
        .isInstanceOf(InvalidDataException.class)
        .hasMessageContaining("the gzip data is damaged or cut short");
  }

  @Test
  void read_missingFile_saysSo() {
    assertThatThrownBy(() -> DialogueReader.read(directory.resolve("none.jsonl")))
        .isInstanceOf(InvalidDataException.class)
        .hasMessageContaining("none.jsonl does not exist");
  }

  @Test
  void digest_sameDialoguesInTwoFormats_isTheSame() throws IOException {
    String csv = Dialogue.digest(read("a.csv", "context,response\na,b\n"));
    String jsonl =
        Dialogue.digest(
            read(
                "a.jsonl",
                "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"b\"}]}"));

    assertThat(csv).isEqualTo(jsonl).hasSize(64);
    assertThat(Dialogue.digest(read("b.csv", "context,response\na,bc\n"))).isNotEqualTo(csv);
  }

  private List<Dialogue> read(String name, String content) throws IOException {
    Path file = directory.resolve(name);
    Files.writeString(file, content);
    return DialogueReader.read(file);
  }

  private static List<List<String>> texts(List<Dialogue> dialogues) {
    return dialogues.stream()
        .map(dialogue -> dialogue.turns().stream().map(Turn::text).toList())
        .toList();
  }
}
