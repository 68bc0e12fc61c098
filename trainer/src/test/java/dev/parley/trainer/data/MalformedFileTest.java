package dev.parley.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Files that cannot be used, and word for word what is said of each. */
final class MalformedFileTest {
  private static final String GOOD =
      "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"b\"}]}\n";

  private static final String SHAPES =
      "{\"messages\":[{\"role\":…,\"content\":…}]} or {\"conversations\":[{\"from\":…,\"value\":…}]}";

  @TempDir Path directory;

  /**
   * A file that is wrong.
   *
   * @param message all that is said of it
   */
  record Malformed(String name, byte[] content, String message) {
    @Override
    public String toString() {
      return message;
    }
  }

  @ParameterizedTest
  @MethodSource("files")
  void read_malformedFile_saysWhatIsWrongWhereAndWhatWasExpected(Malformed malformed)
      throws IOException {
    Path file = directory.resolve(malformed.name());
    Files.write(file, malformed.content());

    assertThatThrownBy(() -> DialogueReader.read(file))
        .isInstanceOf(InvalidDataException.class)
        .hasMessage(malformed.message());
  }

  @Test
  void files_areManyAndDiffer() {
    List<Malformed> files = files().toList();

    assertThat(files).hasSizeGreaterThanOrEqualTo(30);
    assertThat(files).extracting(Malformed::message).doesNotHaveDuplicates();
  }

  static Stream<Malformed> files() {
    return Stream.of(json(), turns(), tables(), dialoGpt(), bytes()).flatMap(stream -> stream);
  }

  private static Stream<Malformed> json() {
    return Stream.of(
        file(
            "empty.jsonl",
            "",
            "empty.jsonl: is empty; expected at least one dialogue of two turns"),
        file(
            "blank.jsonl",
            "\n \n\n",
            "blank.jsonl: is empty; expected at least one dialogue of two turns"),
        file(
            "cut.jsonl",
            GOOD + "{\"messages\":[",
            "cut.jsonl:2:14: the line ends within the JSON; expected the whole object on one line: "
                + SHAPES),
        file(
            "words.jsonl",
            GOOD + "nonsense\n",
            "words.jsonl:2:1: broken JSON: Unrecognized token 'nonsense': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false'); expected "
                + SHAPES),
        file(
            "open.jsonl",
            "{\n\"messages\": []\n}\n",
            "open.jsonl:1:2: the line ends within the JSON; expected the whole object on one line: "
                + SHAPES
                + "\nopen.jsonl:2:1: found a text, expected "
                + SHAPES
                + "\nopen.jsonl:3:1: broken JSON: Unexpected close marker '}': no open Object to close; expected "
                + SHAPES),
        file(
            "single-quotes.jsonl",
            "{'messages': []}",
            "single-quotes.jsonl:1:2: broken JSON: Unexpected character (''' (code 39)): was expecting double-quote to start property name; expected "
                + SHAPES),
        file(
            "comma.jsonl",
            "{\"messages\":[],}",
            "comma.jsonl:1:16: broken JSON: Unexpected character ('}' (code 125)): was expecting double-quote to start property name; expected "
                + SHAPES),
        file(
            "not-a-number.jsonl",
            "{\"messages\":NaN}",
            "not-a-number.jsonl:1:16: broken JSON: Non-standard token 'NaN'; expected " + SHAPES),
        file(
            "two-in-a-line.jsonl",
            GOOD.strip() + "{\"messages\":[]}",
            "two-in-a-line.jsonl:1:80: found an object after the object, expected the end of the line"),
        file("list.jsonl", "[1]", "list.jsonl:1:1: found a list, expected " + SHAPES),
        file("text.jsonl", "\"hello\"", "text.jsonl:1:1: found a text, expected " + SHAPES),
        file(
            "other-keys.jsonl",
            "{\"prompt\":\"a\",\"completion\":\"b\"}",
            "other-keys.jsonl:1:31: neither messages nor conversations is there; expected "
                + SHAPES),
        file(
            "object.jsonl",
            "{\"messages\":{}}",
            "object.jsonl:1:13: messages is an object, expected a list"),
        file(
            "null.jsonl",
            "{\"messages\":null}",
            "null.jsonl:1:13: messages is null, expected a list"),
        file(
            "twice.jsonl",
            "{\"messages\":[],\"messages\":[]}",
            "twice.jsonl:1:26: broken JSON: Duplicate Object property \"messages\"; expected "
                + SHAPES),
        file(
            "both.jsonl",
            GOOD.strip().replace("]}", "]") + ",\"conversations\":[]}",
            "both.jsonl:1:96: both messages and conversations are given; expected one of them"),
        file(
            "no-turns.jsonl",
            "{\"messages\":[]}",
            "no-turns.jsonl:1:15: the dialogue has no turns, expected at least 2"),
        file(
            "one-turn.jsonl",
            "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}",
            "one-turn.jsonl:1:44: the dialogue has 1 turn, expected at least 2"));
  }

  private static Stream<Malformed> turns() {
    return Stream.of(
        file(
            "text-turn.jsonl",
            "{\"messages\":[\"a\"]}",
            "text-turn.jsonl:1:14: messages[0] is a text, expected {\"role\":…,\"content\":…}"),
        file(
            "no-content.jsonl",
            "{\"messages\":[{\"role\":\"user\"}]}",
            "no-content.jsonl:1:28: messages[0] has no content, expected {\"role\":…,\"content\":…}"),
        file(
            "no-role.jsonl",
            "{\"messages\":[{\"content\":\"a\"}]}",
            "no-role.jsonl:1:28: messages[0] has no role, expected {\"role\":…,\"content\":…}"),
        file(
            "number.jsonl",
            "{\"messages\":[{\"role\":\"user\",\"content\":3}]}",
            "number.jsonl:1:39: messages[0].content is the number 3, expected a text"),
        file(
            "null-content.jsonl",
            "{\"messages\":[{\"role\":\"user\",\"content\":null}]}",
            "null-content.jsonl:1:39: messages[0].content is null, expected a text"),
        file(
            "parts.jsonl",
            "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"}]}]}",
            "parts.jsonl:1:39: messages[0].content is a list, expected a text"),
        file(
            "blank-content.jsonl",
            "{\"messages\":[{\"role\":\"user\",\"content\":\" \"}]}",
            "blank-content.jsonl:1:39: messages[0].content is empty, expected a text"),
        file(
            "blank-role.jsonl",
            "{\"messages\":[{\"role\":\"\",\"content\":\"a\"}]}",
            "blank-role.jsonl:1:22: messages[0].role is empty, expected a text"),
        file(
            "flag.jsonl",
            "{\"messages\":[{\"role\":\"user\",\"content\":\"a\",\"train\":\"no\"}]}",
            "flag.jsonl:1:51: messages[0].train is a text, expected true or false"),
        file(
            "null-flag.jsonl",
            "{\"messages\":[{\"role\":\"user\",\"content\":\"a\",\"train\":null}]}",
            "null-flag.jsonl:1:51: messages[0].train is null, expected true or false"),
        file(
            "role-twice.jsonl",
            "{\"messages\":[{\"role\":\"user\",\"role\":\"assistant\",\"content\":\"a\"}]}",
            "role-twice.jsonl:1:35: broken JSON: Duplicate Object property \"role\"; expected "
                + SHAPES),
        file(
            "half.jsonl",
            "{\"messages\":[{\"role\":\"user\",\"content\":\"hi \\ud83d\"}]}",
            "half.jsonl:1:39: messages[0].content has \\ud83d as its character 4, which is half of a surrogate pair; write the character as UTF-8, or both halves"),
        file(
            "share-gpt.jsonl",
            "{\"conversations\":[{\"from\":\"human\",\"text\":\"a\"}]}",
            "share-gpt.jsonl:1:45: conversations[0] has no value, expected {\"from\":…,\"value\":…}"),
        file(
            "share-gpt-number.jsonl",
            "{\"conversations\":[{\"from\":1,\"value\":\"a\"}]}",
            "share-gpt-number.jsonl:1:27: conversations[0].from is the number 1, expected a text"));
  }

  private static Stream<Malformed> tables() {
    return Stream.of(
        file(
            "no-line.csv",
            "",
            "no-line.csv: is empty; expected at least one dialogue of two turns"),
        file(
            "only-header.csv",
            "context,response\n",
            "only-header.csv: is empty; expected at least one dialogue of two turns"),
        file(
            "other-names.csv",
            "question,answer\na,b\n",
            "other-names.csv:1: found the columns question, answer; expected the columns context and response"),
        file(
            "semicolons.csv",
            "context;response\na;b\n",
            "semicolons.csv:1: found the columns context;response; expected the columns context and response, separated by a comma"),
        file(
            "no-response.csv",
            "context\na\n",
            "no-response.csv:1: found the columns context; expected the columns context and response"),
        file(
            "no-context.csv",
            "id,response\n1,a\n",
            "no-context.csv:1: found the columns id, response; expected the columns context and response"),
        file(
            "two-responses.csv",
            "context,response,Response\na,b,c\n",
            "two-responses.csv:1: found two columns response; expected one"),
        file(
            "two-contexts.csv",
            "context,response,context\na,b,c\n",
            "two-contexts.csv:1: found the columns context and context, which name the same turn; number them context1, context2, …, the oldest turn first"),
        file(
            "same-number.csv",
            "context1,context_1,response\na,b,c\n",
            "same-number.csv:1: found the columns context1 and context_1, which name the same turn; number them context1, context2, …, the oldest turn first"),
        file(
            "few-fields.csv",
            "context,response\na,b\na\n",
            "few-fields.csv:3: found 1 field, expected 2 as in the header; a field with the separator or a line end in it goes in quotes"),
        file(
            "many-fields.csv",
            "context,response\na, b, c\n",
            "many-fields.csv:2: found 3 fields, expected 2 as in the header; a field with the separator or a line end in it goes in quotes"),
        file(
            "empty-context.csv",
            "context,response\n,b\n",
            "empty-context.csv:2: the context is empty, expected a text"),
        file(
            "empty-response.csv",
            "context,response\na, \n",
            "empty-response.csv:2: the response is empty, expected a text"),
        file(
            "open-quote.csv",
            "context,response\na,\"b\nc,d\n",
            "open-quote.csv:2: broken quotes: Unclosed quoted field at end of input; a quote within quotes is written twice"),
        file(
            "after-quote.csv",
            "context,response\na,\"b\" c\n",
            "after-quote.csv:2: broken quotes: Unexpected character after closing quote: ' ' (0x20); a quote within quotes is written twice"),
        file(
            "header.tsv",
            "context\tresponse\na\n",
            "header.tsv:2: found 1 field, expected 2 as in the header; a field with the separator or a line end in it goes in quotes"));
  }

  private static Stream<Malformed> dialoGpt() {
    return Stream.of(
        file(
            "no-lines.tsv",
            "\n\n",
            "no-lines.tsv: is empty; expected at least one dialogue of two turns"),
        file(
            "one-field.tsv",
            "only one field\n",
            "one-field.tsv:1:15: found no tab; expected context, tab, reply, or a header with context and response"),
        file(
            "three-fields.tsv",
            "a\tb\tc\n",
            "three-fields.tsv:1:4: found a second tab; expected context, tab, reply"),
        file(
            "empty-turn.tsv",
            "a EOS  EOS b\tc\n",
            "empty-turn.tsv:1:6: turn 2 is empty, expected a text"),
        file(
            "weight-alone.tsv",
            "0.0 \tc\n",
            "weight-alone.tsv:1:1: turn 1 is empty, expected a text"),
        file("no-reply.tsv", "0.0 a\t1.0\n", "no-reply.tsv:1:7: turn 2 is empty, expected a text"));
  }

  private static Stream<Malformed> bytes() {
    byte[] packed = gzip("a\tb\n".repeat(1000));
    return Stream.of(
        new Malformed(
            "notes.txt",
            "x".getBytes(StandardCharsets.UTF_8),
            "notes.txt: unknown kind of file; expected .jsonl, .csv or .tsv, each also as .gz"),
        new Malformed(
            "list.json",
            "[]".getBytes(StandardCharsets.UTF_8),
            "list.json: unknown kind of file; expected .jsonl, .csv or .tsv, each also as .gz"),
        new Malformed(
            "latin-1.tsv",
            "a\tb\nä\tc".getBytes(StandardCharsets.ISO_8859_1),
            "latin-1.tsv:2:1: byte 0xe4 is no UTF-8; save the file as UTF-8"),
        new Malformed(
            "utf-16.csv",
            "context,response\na,b\n".getBytes(StandardCharsets.UTF_16),
            "utf-16.csv:1:1: byte 0xfe is no UTF-8; save the file as UTF-8"),
        new Malformed(
            "windows.jsonl",
            (GOOD + GOOD.replace("b", "“b”")).getBytes(Charset.forName("windows-1252")),
            "windows.jsonl:2:75: byte 0x93 is no UTF-8; save the file as UTF-8"),
        new Malformed(
            "long.jsonl",
            " ".repeat((1 << 24) + 1).getBytes(StandardCharsets.UTF_8),
            "long.jsonl:1: the line is longer than 16 MiB; expected one dialogue a line"),
        new Malformed(
            "cut.tsv.gz",
            Arrays.copyOf(packed, packed.length - 12),
            "cut.tsv.gz: the gzip data is damaged or cut short: Unexpected end of ZLIB input stream"),
        new Malformed(
            "changed.tsv.gz",
            changed(packed),
            "changed.tsv.gz: the gzip data is damaged or cut short: Corrupt GZIP trailer"),
        new Malformed(
            "packed.csv.gz",
            gzip("question,answer\na,b\n"),
            "packed.csv.gz:1: found the columns question, answer; expected the columns context and response"));
  }

  private static Malformed file(String name, String content, String message) {
    return new Malformed(name, content.getBytes(StandardCharsets.UTF_8), message);
  }

  /**
   * The checksum is another one, as if the data were: what is found of changed data itself depends
   * on the library that packed it.
   */
  private static byte[] changed(byte[] packed) {
    byte[] changed = packed.clone();
    changed[changed.length - 8] ^= 1;
    return changed;
  }

  private static byte[] gzip(String content) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (OutputStream out = new GZIPOutputStream(bytes)) {
      out.write(content.getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new AssertionError(e); // in memory
    }
    return bytes.toByteArray();
  }
}
