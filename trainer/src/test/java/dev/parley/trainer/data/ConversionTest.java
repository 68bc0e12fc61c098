package dev.parley.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Conversion of real files; what was written is read back. */
final class ConversionTest {
  private static final Conversion.Options ALL = new Conversion.Options(false, false);

  @TempDir Path directory;

  @ParameterizedTest
  @MethodSource("formats")
  void run_everyFormat_readsBackAsTheSameDialogues(String name, String content) throws IOException {
    Path in = file(name, content.getBytes(StandardCharsets.UTF_8));
    Path packed = directory.resolve(name + ".jsonl.gz");
    Path plain = directory.resolve(name + "-plain.jsonl");

    Conversion conversion = Conversion.run(in, packed, ALL);
    Conversion.run(packed, plain, ALL);

    assertThat(DialogueReader.read(packed)).isEqualTo(DialogueReader.read(in));
    assertThat(DialogueReader.read(plain)).isEqualTo(DialogueReader.read(in));
    assertThat(conversion.dialogues()).isEqualTo(DialogueReader.read(in).size());
    assertThat(conversion.source().dropped()).isZero();
  }

  static Stream<Arguments> formats() {
    return Stream.of(
        Arguments.of(
            "a.jsonl",
            """
            {"messages":[{"role":"user","content":"Hi \\"x\\"\\n"},{"role":"narrator","content":"Hé – 👋","train":false}]}
            """),
        Arguments.of(
            "b.jsonl",
            "{\"conversations\":[{\"from\":\"human\",\"value\":\"a\"},{\"from\":\"gpt\",\"value\":\"b\"}]}"),
        Arguments.of("c.csv", "context,response\n\"say \"\"a,b\"\"\",\"two\nlines\"\n"),
        Arguments.of("d.csv", "response,context/0,context/1\nc,b,a\nz,y,x\n"),
        Arguments.of("e.tsv", "context\tresponse\na EOS b\tc\n"),
        Arguments.of("f.tsv", "0.0 hi EOS 1.0 20 dollars\t1.0 fine .\nwell\tyes\n"));
  }

  @Test
  void run_sameDialogues_giveTheSameBytes() throws IOException {
    Path csv = file("a.csv", "context,response\na,b\n".getBytes(StandardCharsets.UTF_8));
    Path tsv = file("a.tsv", "a\tb\n".getBytes(StandardCharsets.UTF_8));

    Conversion.run(csv, directory.resolve("1.jsonl"), ALL);
    Conversion.run(tsv, directory.resolve("2.jsonl"), ALL);

    assertThat(directory.resolve("1.jsonl"))
        .hasContent(
            "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"b\"}]}")
        .hasSameBinaryContentAs(directory.resolve("2.jsonl"));
  }

  @Test
  void run_brokenRecords_leavesThemOutAndSaysWhy() throws IOException {
    ByteArrayOutputStream csv = new ByteArrayOutputStream();
    csv.writeBytes(
        "id,context,response,mood\n1,a,b,x\n2,,c,x\n3,d\n".getBytes(StandardCharsets.UTF_8));
    csv.writeBytes("4,e,\"first \n caf".getBytes(StandardCharsets.UTF_8));
    csv.write(0xe9);
    csv.writeBytes("\n last\",x\n5,f,g,x\n5,f EOS g,h,x\n".getBytes(StandardCharsets.UTF_8));
    Path out = directory.resolve("out.jsonl");

    Conversion conversion = Conversion.run(file("a.csv", csv.toByteArray()), out, ALL);

    assertThat(DialogueReader.read(out).stream().map(d -> d.turns().get(0).text()))
        .containsExactly("a", "f");
    assertThat(conversion.turns()).isEqualTo(5);
    assertThat(conversion.source().dropped()).isEqualTo(3);
    assertThat(conversion.source().problems().stream().map(Object::toString))
        .satisfiesExactlyInAnyOrder(
            problem ->
                assertThat(problem).isEqualTo("a.csv:3: the context is empty, expected a text"),
            problem -> assertThat(problem).startsWith("a.csv:4: found 2 fields, expected 4"),
            problem -> assertThat(problem).startsWith("a.csv:6:5: byte 0xe9 is no UTF-8"));
    assertThat(conversion.source().merged()).isEqualTo(1);
    assertThat(conversion.source().ignored()).containsExactly("id", "mood");
  }

  @Test
  void run_manyBrokenRecords_countsAllAndKeepsTwentyReasons() throws IOException {
    String content = "no tab\n".repeat(35) + "a\tb\n" + "no tab\n".repeat(5);

    Conversion conversion =
        Conversion.run(
            file("a.tsv", content.getBytes(StandardCharsets.UTF_8)),
            directory.resolve("out.jsonl"),
            ALL);

    assertThat(conversion.dialogues()).isEqualTo(1);
    assertThat(conversion.source().dropped()).isEqualTo(40);
    assertThat(conversion.source().problems()).hasSize(20);
  }

  @Test
  void run_strict_refusesAndLeavesWhatWasThere() throws IOException {
    Path in = file("a.tsv", "a\tb\nno tab\n".getBytes(StandardCharsets.UTF_8));
    Path out = file("out.jsonl", "old".getBytes(StandardCharsets.UTF_8));

    assertThatThrownBy(() -> Conversion.run(in, out, new Conversion.Options(true, false)))
        .isInstanceOf(InvalidDataException.class)
        .hasMessageContaining("a.tsv:2:7: found no tab");

    assertThat(out).hasContent("old");
    assertThat(directory).isDirectoryNotContaining("glob:**.converting*");
  }

  @Test
  void run_distinct_writesEqualDialoguesOnce() throws IOException {
    Path in = file("a.tsv", "a\tb\nc\td\na\tb\na\tb\n".getBytes(StandardCharsets.UTF_8));
    Path out = directory.resolve("out.jsonl");

    Conversion conversion = Conversion.run(in, out, new Conversion.Options(false, true));

    assertThat(conversion.duplicates()).isEqualTo(2);
    assertThat(DialogueReader.read(out)).hasSize(2);
  }

  @ParameterizedTest
  @MethodSource("hopeless")
  void run_fileThatCannotBeToldApart_isRefusedAsAWhole(String name, byte[] content, String problem)
      throws IOException {
    Path in = file(name, content);
    Path out = directory.resolve("out.jsonl");

    assertThatThrownBy(() -> Conversion.run(in, out, ALL))
        .isInstanceOf(InvalidDataException.class)
        .hasMessageContaining(problem);

    assertThat(out).doesNotExist();
  }

  static Stream<Arguments> hopeless() throws IOException {
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    try (OutputStream gzip = new GZIPOutputStream(packed)) {
      gzip.write("a\tb\n".repeat(100).getBytes(StandardCharsets.UTF_8));
    }
    byte[] cut = java.util.Arrays.copyOf(packed.toByteArray(), packed.size() - 9);
    return Stream.of(
        Arguments.of("a.csv", bytes("context,response\na,b\n\"c,d\ne,f\n"), "broken quotes"),
        Arguments.of(
            "a.csv", bytes("question,answer\na,b\n"), "found the columns question, answer"),
        Arguments.of("a.tsv.gz", cut, "damaged or cut short"),
        Arguments.of("a.tsv", bytes("one\ntwo\n"), "a.tsv:2:4: found no tab"),
        Arguments.of("a.xml", bytes("<a/>"), "unknown kind of file"));
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private Path file(String name, byte[] content) throws IOException {
    return Files.write(directory.resolve(name), content);
  }
}
