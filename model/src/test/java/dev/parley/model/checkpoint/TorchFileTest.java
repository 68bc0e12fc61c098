package dev.parley.model.checkpoint;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.parley.model.gpt2.Golden;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class TorchFileTest {
  private static final String DICT = "\u0080\u0002}(";
  private static final int[] FOUR = {4};
  private static final int[] ONE = {1};

  @TempDir Path directory;

  // ---- views -----------------------------------------------------------------------------------

  @Test
  void read_viewsOfOneStorage_numbersInTheirOrder() throws IOException {
    PickleBytes file = PickleBytes.legacyStart().raw(DICT);
    file.text("plain").tensor("7", 6, 0, new int[] {2, 3}, new int[] {3, 1});
    file.text("transposed").tensor("7", 6, 0, new int[] {3, 2}, new int[] {1, 3});
    file.text("column").tensor("7", 6, 1, new int[] {2}, new int[] {3});
    file.text("expanded").tensor("7", 6, 4, new int[] {3, 1}, new int[] {0, 1});
    file.text("tail").tensor("7", 6, 4, new int[] {2}, ONE);
    file.text("single").tensor("7", 6, 5, new int[] {1, 1}, new int[] {99, 77});
    file.text("scalar").tensor("7", 6, 3, new int[0], new int[0]);
    file.text("empty").tensor("7", 6, 0, new int[] {0, 5}, new int[] {5, 1});
    // The legacy format's own views: storage 7 from its second number on, three numbers.
    file.text("view")
        .tensor(
            f -> f.storage("FloatStorage", "7", 6, new String(view(1, 3), ISO_8859_1)),
            1,
            new int[] {2},
            ONE);
    file.text("parameter").raw("ctorch._utils\n_rebuild_parameter\n(");
    file.tensor("7", 6, 2, new int[] {2}, ONE).raw("\u0088ccollections\nOrderedDict\n)RtR");
    file.raw("u.").raw("\u0080\u0002](").text("7").raw("e.").i64(6);
    file.floats(0, 1, 2, 3, 4, 5);

    Map<String, StoredTensor> tensors = TorchFile.read(write(file));

    assertThat(numbers(tensors, "plain")).containsExactly(0, 1, 2, 3, 4, 5);
    assertThat(numbers(tensors, "transposed")).containsExactly(0, 3, 1, 4, 2, 5);
    assertThat(numbers(tensors, "column")).containsExactly(1, 4);
    assertThatThrownBy(() -> numbers(tensors, "expanded"))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("tensor expanded [3, 1] shows 3 numbers that are only 1 in the file");
    assertThat(numbers(tensors, "tail")).containsExactly(4, 5);
    assertThat(numbers(tensors, "single")).containsExactly(5);
    assertThat(numbers(tensors, "scalar")).containsExactly(3);
    assertThat(numbers(tensors, "empty")).isEmpty();
    assertThat(numbers(tensors, "view")).containsExactly(2, 3);
    assertThat(numbers(tensors, "parameter")).containsExactly(2, 3);
  }

  @ParameterizedTest
  @ValueSource(strings = {"HalfStorage", "FloatStorage", "DoubleStorage"})
  void read_tensorOfSeveralChunks_everyNumber(String storage) throws IOException {
    int count = 2_500_001;
    int size = storage.startsWith("H") ? 2 : storage.startsWith("F") ? 4 : 8;
    PickleBytes file = PickleBytes.legacyStart().raw(DICT);
    for (String key : new String[] {"0", "1"}) {
      file.text(key).tensor(s -> s.storage(storage, key, count, "N"), 0, new int[] {count}, ONE);
    }
    file.raw("u.](").text("0").text("1").raw("e.");
    byte[] numbers = new byte[count * size];
    new SplittableRandom(5).nextBytes(numbers);
    numbers[numbers.length - 1] = 0x3F; // the last is a number of moderate size
    file.i64(count).bytes(numbers);
    Path path = write(file.i64(count).bytes(numbers));
    Map<String, StoredTensor> tensors = TorchFile.read(path);
    FloatBuffer expected = FloatBuffer.allocate(count);
    tensors
        .get("0")
        .type()
        .decode(ByteBuffer.wrap(numbers).order(ByteOrder.LITTLE_ENDIAN), expected);

    assertThat(FloatBuffer.wrap(numbers(tensors, "1"))).isEqualTo(expected.flip());
    try (TensorReader reader = new TensorReader()) {
      assertThat(reader.sameNumbers(tensors.get("0"), tensors.get("1"))).isTrue();
    }
    numbers[numbers.length - 1] = (byte) 0xBF; // its negative
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.wrap(numbers), channel.size() - numbers.length);
    }
    try (TensorReader reader = new TensorReader()) {
      assertThat(reader.sameNumbers(tensors.get("0"), tensors.get("1"))).isFalse();
    }
  }

  private static byte[] view(int offset, int length) {
    return new PickleBytes().raw("(").text("view").integer(offset).integer(length).raw("t").array();
  }

  private static float[] numbers(Map<String, StoredTensor> tensors, String name) {
    try (NDManager scope = Golden.scope();
        TensorReader reader = new TensorReader()) {
      NDArray array = reader.read(tensors.get(name), scope);
      assertThat(array.getShape().getShape())
          .containsExactly(tensors.get(name).shape().stream().mapToLong(Long::longValue).toArray());
      return array.toFloatArray();
    }
  }

  // ---- hostile pickles -------------------------------------------------------------------------

  static Stream<Arguments> hostile() {
    return Stream.of(
        body(
            "os.system, protocol 2",
            p -> p.raw("cposix\nsystem\n(").text("true").raw("tR."),
            "the pickle names posix.system, which would run code; refused"),
        body(
            "os.system, protocol 4",
            p -> p.raw("\u0080\u0004\u008c\u0005posix\u008c\u0006system\u0093(").raw("tR."),
            "the pickle names posix.system, which would run code; refused"),
        body(
            "os.system by INST",
            p -> p.raw("(").text("true").raw("iposix\nsystem\n."),
            "instruction 0x69 at byte"),
        body("NEWOBJ", p -> p.raw("})\u0081."), "instruction 0x81 at byte"),
        body("OBJ", p -> p.raw("(}o."), "instruction 0x6f at byte"),
        body(
            "eval",
            p -> p.raw("cbuiltins\neval\n."),
            "the pickle names builtins.eval, which would run code; refused"),
        body(
            "attribute of torch",
            p -> p.raw("ctorch\nload\n."),
            "the pickle names torch.load, which would run code; refused"),
        body(
            "control characters in a name",
            p -> p.raw("cevil\u001b[2J\nx\n."),
            "the pickle names evil?[2J.x, which would run code"),
        body("whole model", p -> p.raw("cmodel\nGpt\n."), "save model.state_dict()"),
        body("calls a storage", p -> p.raw("ctorch\nFloatStorage\n)R."), "that is no function"),
        body("calls a dict", p -> p.raw("})R."), "calls something that is no function; refused"),
        body(
            "OrderedDict of something",
            p -> p.raw("ccollections\nOrderedDict\n}\u0085R."),
            "makes an OrderedDict from arguments"),
        body("state of a list", p -> p.raw("]}b."), "sets the state of something that is no dict"),
        body("stack underflow", p -> p.raw("\u0086."), "takes more from its stack"),
        body("beyond a mark", p -> p.raw("}(\u0085."), "takes more from its stack"),
        body("no mark", p -> p.raw("}t."), "closes a group that it has not opened"),
        body("memo", p -> p.raw("h\u0005."), "recalls value 5, which it has not stored"),
        body("odd items", p -> p.raw("}(Nu."), "half an item"),
        body("key is a dict", p -> p.raw("}(}Nu."), "a dict whose key is neither text nor number"),
        body("key twice", p -> p.raw("}(").text("a").raw("N").text("a").raw("Nu."), "'a' twice"),
        body(
            "huge text",
            p -> p.raw("X\u00ff\u00ff\u00ff\u00ff"),
            "a text of 4294967295 bytes at byte"),
        body("text cut", p -> p.raw("X\u0000\u00ff\u0000\u0000ab"), "the pickle is truncated"),
        body("endless name", p -> p.raw("c" + "a".repeat(5000)), "more than 1000 characters"),
        body("bomb", p -> p.raw("(".repeat(1_100_000)), "more than 1000000 instructions"),
        body("protocol", p -> p.raw("\u0080\u0009."), "has protocol 9; 2 to 5 are supported"),
        body("unknown", p -> p.raw("\u00fe."), "holds 0xfe, which is no instruction that"),
        body("no dict", p -> p.raw("N.").raw("]."), "holds no dict of tensors"),
        body(
            "training state",
            p -> p.raw(DICT).text("epoch").integer(3).raw("u.").raw("]."),
            "entry 'epoch' is no tensor: save model.state_dict() alone"),
        body("tensor of nothing", p -> p.raw(rebuild(")R.")), "arguments that describe none"),
        body("not a storage", p -> p.raw("NQ."), "refers to something that is no storage"),
        body(
            "negative storage",
            p -> p.storage("FloatStorage", "7", -4, "N"),
            "storage 7 has -4 numbers"),
        body(
            "storage of two sizes",
            p -> p.storage("FloatStorage", "7", 4, "N").storage("FloatStorage", "7", 5, "N"),
            "storage 7 is 4 numbers of type F32, and elsewhere 5 of type F32"),
        body(
            "beyond the storage",
            p -> p.tensor("7", 4, 1, FOUR, ONE),
            "shape [4], strides [1] and offset 1 does not fit its storage of 4 numbers"),
        body(
            "negative offset",
            p -> p.tensor("7", 4, -1, ONE, ONE),
            "does not fit its storage of 4"),
        body("negative shape", p -> p.tensor("7", 4, 0, new int[] {-1}, ONE), "no number from 0"),
        body(
            "impossible shape",
            p -> p.tensor("7", 4, 0, new int[] {1 << 30, 1 << 30, 1 << 30}, new int[] {0, 0, 0}),
            "impossible shape [1073741824, 1073741824, 1073741824]"),
        body(
            "storage too big for the file",
            p ->
                p.raw(DICT)
                    .text("a")
                    .tensor("7", 1 << 30, 0, ONE, ONE)
                    .raw("u.")
                    .raw("](")
                    .text("7")
                    .raw("e.")
                    .i64(1 << 30),
            "storage 7 takes 4294967296 bytes from byte"),
        body(
            "other count",
            p ->
                p.raw(DICT)
                    .text("a")
                    .tensor("7", 4, 0, FOUR, ONE)
                    .raw("u.](")
                    .text("7")
                    .raw("e.")
                    .i64(5),
            "storage 7 has 5 numbers, but its tensors expect 4"),
        body(
            "storage missing",
            p -> p.raw(DICT).text("a").tensor("7", 4, 0, FOUR, ONE).raw("u.]."),
            "storage 7 of a is missing"),
        arguments(
            "text file",
            latin("hello, I am no checkpoint"),
            "begins with neither a zip nor a pickle"),
        arguments("tiny", latin("abc"), "has 3 bytes: no PyTorch checkpoint"),
        arguments(
            "other pickle", latin("\u0080\u0002N."), "its first pickle is not PyTorch's number"),
        arguments("cut zip", latin("PK\u0003\u0004abcdefgh"), "directory is missing: truncated"),
        arguments("git lfs", latin("version https://git-lfs.github.com"), "is a Git LFS pointer"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("hostile")
  void read_hostileFile_refusedByNameAndNothingRuns(String what, byte[] content, String message)
      throws IOException {
    Path file = write(new PickleBytes().bytes(content));

    assertThatThrownBy(() -> TorchFile.read(file))
        .as(what)
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining(file.toString())
        .hasMessageContaining(message);
  }

  /** What torch.load would run: in the legacy format's body, and as the first thing of the file. */
  @ParameterizedTest
  @ValueSource(strings = {"legacy", "first", "zip"})
  void read_pickleThatCallsOsSystem_refusedAndNothingRuns(String where) throws IOException {
    Path marker = directory.resolve("marker");
    PickleBytes attack = new PickleBytes().raw("\u0080\u0002cposix\nsystem\n(");
    attack.text("touch " + marker).raw("tR.");
    PickleBytes file =
        switch (where) {
          case "legacy" -> PickleBytes.legacyStart().bytes(attack.array());
          case "first" -> attack;
          default -> new PickleBytes().bytes(zip(Map.of("x/data.pkl", attack.array())));
        };
    Path path = write(file);

    assertThatThrownBy(() -> TorchFile.read(path))
        .isInstanceOf(CheckpointException.class)
        .hasMessage(
            path
                + ": the pickle names posix.system, which would run code; refused. Only tensors"
                + " are read: save model.state_dict(), or convert it to safetensors where you trust"
                + " it");
    assertThat(marker).doesNotExist();
  }

  // ---- zip -------------------------------------------------------------------------------------

  static Stream<Arguments> hostileZips() {
    byte[] pickle =
        new PickleBytes()
            .raw(DICT)
            .text("a")
            .tensor(s -> s.storage("HalfStorage", "0", 4, ""), 0, FOUR, ONE)
            .raw("u.")
            .array();
    return Stream.of(
        arguments("no pickle", Map.of("x/data/0", new byte[8]), "is a zip without data.pkl"),
        arguments(
            "no storage", Map.of("x/data.pkl", pickle), "entry x/data/0 is missing from the zip"),
        arguments(
            "wrong size",
            Map.of("x/data.pkl", pickle, "x/data/0", new byte[7]),
            "storage 0 has 7 bytes, but its tensors expect 8"),
        arguments(
            "big-endian",
            Map.of("x/data.pkl", pickle, "x/data/0", new byte[8], "x/byteorder", latin("big")),
            "has the byte order 'big'; only little is supported"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("hostileZips")
  void read_hostileZip_refusedByName(String what, Map<String, byte[]> entries, String message)
      throws IOException {
    Path file = write(new PickleBytes().bytes(zip(entries)));

    assertThatThrownBy(() -> TorchFile.read(file))
        .as(what)
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining(file.toString())
        .hasMessageContaining(message);
  }

  @Test
  void read_compressedZip_refusedWithRemedy() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      zip.putNextEntry(new ZipEntry("x/data.pkl"));
      zip.write(new byte[100]);
    }
    Path file = write(new PickleBytes().bytes(bytes.toByteArray()));

    assertThatThrownBy(() -> TorchFile.read(file))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("entry x/data.pkl is compressed or encrypted")
        .hasMessageContaining("repack it with zip -0");
  }

  private static byte[] zip(Map<String, byte[]> entries) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      for (Map.Entry<String, byte[]> content : entries.entrySet()) {
        CRC32 crc = new CRC32();
        crc.update(content.getValue());
        ZipEntry entry = new ZipEntry(content.getKey());
        entry.setMethod(ZipEntry.STORED);
        entry.setSize(content.getValue().length);
        entry.setCrc(crc.getValue());
        zip.putNextEntry(entry);
        zip.write(content.getValue());
      }
    }
    return bytes.toByteArray();
  }

  private static Arguments body(String what, Consumer<PickleBytes> pickle, String message) {
    PickleBytes file = PickleBytes.legacyStart();
    pickle.accept(file);
    return arguments(what, file.array(), message);
  }

  private static String rebuild(String rest) {
    return "ctorch._utils\n_rebuild_tensor_v2\n" + rest;
  }

  private static byte[] latin(String text) {
    return text.getBytes(ISO_8859_1);
  }

  private Path write(PickleBytes bytes) throws IOException {
    return Files.write(directory.resolve("pytorch_model.bin"), bytes.array());
  }
}
