package dev.parley.model.checkpoint;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;

/** Builds pickles and legacy PyTorch files byte by byte, honest and hostile ones. */
final class PickleBytes {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  /** Characters up to U+00FF as the bytes of the same value. */
  PickleBytes raw(String latin1) {
    out.writeBytes(latin1.getBytes(StandardCharsets.ISO_8859_1));
    return this;
  }

  PickleBytes text(String text) {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    return raw("X").i32(utf8.length).bytes(utf8);
  }

  PickleBytes integer(int value) {
    return raw("J").i32(value);
  }

  PickleBytes tuple(int... values) {
    raw("(");
    for (int value : values) {
      integer(value);
    }
    return raw("t");
  }

  PickleBytes bytes(byte[] bytes) {
    out.writeBytes(bytes);
    return this;
  }

  PickleBytes i32(int value) {
    return bytes(little(4, bytes -> bytes.putInt(value)));
  }

  PickleBytes i64(long value) {
    return bytes(little(8, bytes -> bytes.putLong(value)));
  }

  PickleBytes floats(float... values) {
    return bytes(little(4 * values.length, bytes -> bytes.asFloatBuffer().put(values)));
  }

  /** A persistent reference to a storage on the CPU; {@code view} is pickled last. */
  PickleBytes storage(String type, String key, int count, String view) {
    return raw("(")
        .text("storage")
        .raw("ctorch\n" + type + "\n")
        .text(key)
        .text("cpu")
        .integer(count)
        .raw(view + "tQ");
  }

  /** A tensor of FloatStorage {@code key}. */
  PickleBytes tensor(String key, int count, int offset, int[] shape, int[] strides) {
    return tensor(s -> s.storage("FloatStorage", key, count, "N"), offset, shape, strides);
  }

  PickleBytes tensor(Consumer<PickleBytes> storage, int offset, int[] shape, int[] strides) {
    raw("ctorch._utils\n_rebuild_tensor_v2\n(");
    storage.accept(this);
    return integer(offset).tuple(shape).tuple(strides).raw("\u0089ccollections\nOrderedDict\n)RtR");
  }

  byte[] array() {
    return out.toByteArray();
  }

  /** What a legacy file starts with: magic number, protocol, a little-endian system. */
  static PickleBytes legacyStart() {
    return new PickleBytes()
        .raw("\u0080\u0002\u008a\nl\u00fc\u009cF\u00f9 j\u00a8P\u0019.")
        .raw("\u0080\u0002M\u00e9\u0003.")
        .raw("\u0080\u0002}(")
        .text("little_endian")
        .raw("\u0088u.");
  }

  private static byte[] little(int size, Consumer<ByteBuffer> content) {
    byte[] bytes = new byte[size];
    content.accept(ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN));
    return bytes;
  }
}
