package dev.parley.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import ai.djl.ndarray.NDManager;
import dev.parley.model.gpt2.Golden;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class SafetensorsTest {
  private static final String GOOD = tensor("a", "F32", "[2]", "[0,8]");

  @TempDir Path directory;

  static Stream<Arguments> hostile() {
    return Stream.of(
        arguments("nothing", new byte[0], "has 0 bytes; a safetensors file has at least 8"),
        arguments("cut length", new byte[5], "has 5 bytes"),
        arguments(
            "no header", length(1000), "announces a header of 1000 bytes, but has only 8: trunc"),
        arguments(
            "huge header", length(100_000_001), "100000001 bytes; at most 100000000 are allowed"),
        arguments("negative header", length(-1), "18446744073709551615 bytes; at most"),
        arguments("no JSON", file("hello", 0), "the header is not valid JSON: Unrecognized token"),
        arguments("JSON cut", file("{\"a\":{", 0), "the header is not valid JSON: Unexpected end"),
        arguments("array", file("[]", 0), "the header is not as expected: START_ARRAY in place"),
        arguments("two objects", file("{}{}", 0), "more than one JSON object in its header"),
        arguments("tensor is number", file("{\"a\":1}", 0), "tensor a is not as expected"),
        arguments("twice", file("{" + GOOD + "," + GOOD + "}", 8), "Duplicate Object property"),
        arguments(
            "dtype",
            file("{" + tensor("a", "F99", "[2]", "[0,8]") + "}", 8),
            "tensor a has the unknown dtype 'F99'"),
        arguments(
            "no dtype",
            file("{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", 8),
            "tensor a has no dtype"),
        arguments(
            "unknown key",
            file("{\"a\":{\"dtype\":\"F32\",\"code\":\"x\"}}", 8),
            "tensor a has the unknown key 'code'"),
        arguments(
            "size",
            file("{" + tensor("a", "F32", "[3]", "[0,8]") + "}", 8),
            "tensor a is F32 [3], which takes 12 bytes, but data_offsets [0, 8] give it 8"),
        arguments(
            "backwards",
            file("{" + tensor("a", "F32", "[2]", "[8,0]") + "}", 8),
            "tensor a has data_offsets [8, 0]; expected [begin, end]"),
        arguments(
            "three offsets",
            file("{" + tensor("a", "F32", "[2]", "[0,8,9]") + "}", 8),
            "data_offsets of tensor a has more than 2 numbers"),
        arguments(
            "negative",
            file("{" + tensor("a", "F32", "[-2]", "[0,8]") + "}", 8),
            "shape of tensor a has -2; expected 0 or more"),
        arguments(
            "shape overflow",
            file("{" + tensor("a", "F32", "[4294967296,4294967296]", "[0,8]") + "}", 8),
            "tensor a has the impossible shape [4294967296, 4294967296]"),
        arguments(
            "number overflow",
            file("{" + tensor("a", "F32", "[99999999999999999999]", "[0,8]") + "}", 8),
            "the header is not valid JSON: Numeric value"),
        arguments(
            "dimensions",
            file("{" + tensor("a", "F32", "[1,1,1,1,1,1,1,1,2]", "[0,8]") + "}", 8),
            "shape of tensor a has more than 8 numbers"),
        arguments(
            "data cut",
            file("{" + GOOD + "}", 7),
            "tensor a ends at byte 8 of the data, but the data has 7: truncated"),
        arguments(
            "overlap",
            file("{" + GOOD + "," + tensor("b", "F32", "[2]", "[4,12]") + "}", 12),
            "tensor b begins at byte 4 of the data and overlaps a, which ends at 8"),
        arguments(
            "gap",
            file("{" + GOOD + "," + tensor("b", "F32", "[1]", "[12,16]") + "}", 16),
            "bytes 8 to 12 of the data, before b, belong to no tensor"),
        arguments("rest", file("{" + GOOD + "}", 9), "the last 1 bytes belong to no tensor"),
        arguments("deep", file("[".repeat(5000), 0), "the header is not as expected: START_ARRAY"),
        arguments(
            "deep metadata",
            file("{\"__metadata__\":" + "[".repeat(5000), 0),
            "the header is not valid JSON: Document nesting depth"),
        arguments(
            "git lfs",
            "version https://git-lfs.github.com/spec/v1\n".getBytes(StandardCharsets.US_ASCII),
            "is a Git LFS pointer and not the weights: run 'git lfs pull'"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("hostile")
  void read_hostileFile_refusedByName(String what, byte[] content, String message)
      throws IOException {
    Path file = Files.write(directory.resolve("model.safetensors"), content);

    assertThatThrownBy(() -> Safetensors.read(file))
        .as(what)
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining(file.toString())
        .hasMessageContaining(message);
  }

  @Test
  void read_everyType_isListed() throws IOException {
    String header =
        "{\"__metadata__\":{\"format\":\"pt\"},"
            + tensor("b", "BOOL", "[]", "[0,1]")
            + ","
            + tensor("i", "I64", "[1,1]", "[1,9]")
            + ","
            + tensor("f", "F16", "[0,7]", "[9,9]")
            + "}   ";
    Path file = Files.write(directory.resolve("model.safetensors"), file(header, 9));

    Map<String, StoredTensor> tensors = Safetensors.read(file);

    assertThat(tensors.keySet()).containsExactly("b", "i", "f");
    assertThat(tensors.get("i").position()).isEqualTo(8 + header.length() + 1);
    assertThat(tensors.get("f").elementCount()).isZero();
  }

  /** Offsets beyond 2 GiB; the file is sparse and takes a few kB of disk. */
  @Test
  void read_fileOf5GiB_numbersFromItsEnd() throws IOException {
    long filler = 5L << 30;
    String header =
        "{"
            + tensor("mask", "U8", "[5,1024,1048576]", "[0," + filler + "]")
            + ","
            + tensor("a", "F64", "[3]", "[" + filler + "," + (filler + 24) + "]")
            + "}";
    Path file = directory.resolve("model.safetensors");
    try (FileChannel channel =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.SPARSE,
            StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.wrap(file(header, 0)));
      ByteBuffer numbers = ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN);
      numbers.putDouble(1.5).putDouble(-2e300).putDouble(0.1).flip();
      channel.write(numbers, channel.size() + filler);
    }

    StoredTensor tensor = Safetensors.read(file).get("a");

    try (NDManager scope = Golden.scope();
        TensorReader reader = new TensorReader()) {
      assertThat(reader.read(tensor, scope).toFloatArray())
          .containsExactly(1.5f, Float.NEGATIVE_INFINITY, 0.1f);
    }
  }

  private static String tensor(String name, String type, String shape, String offsets) {
    return "\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":%s}"
        .formatted(name, type, shape, offsets);
  }

  private static byte[] length(long length) {
    return ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(length).array();
  }

  private static byte[] file(String header, int dataBytes) {
    byte[] json = header.getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(8 + json.length + dataBytes)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(json.length)
        .put(json)
        .array();
  }
}
