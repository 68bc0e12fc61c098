package dev.parley.model.torch;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * Packs TorchScript source text into the archive that libtorch loads: a zip of stored entries with
 * the code, and small pickles that name the class and its attributes. It holds no weights.
 *
 * <p>Source of the format: {@code torch/csrc/jit/serialization} in PyTorch 2.7.
 */
final class ProgramArchive {
  private static final String TOP = "program/";

  private ProgramArchive() {}

  /**
   * Packs a program.
   *
   * @param source TorchScript that defines one class {@code Program(Module)}
   * @param attributes its attributes by name: {@code Long} or {@code Double}, in the order in which
   *     the class declares them after {@code training}
   */
  static byte[] pack(String source, Map<String, Number> attributes) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      store(zip, "data.pkl", module(attributes));
      store(zip, "code/__torch__.py", source.getBytes(StandardCharsets.UTF_8));
      store(zip, "constants.pkl", new byte[] {(byte) 0x80, 2, ')', '.'}); // an empty tuple
      store(zip, "version", ascii("10\n"));
      store(zip, "byteorder", ascii("little"));
    } catch (IOException e) {
      throw new UncheckedIOException(e); // in memory: cannot happen
    }
    return bytes.toByteArray();
  }

  /** Pickle protocol 2 of {@code __torch__.Program} with its attributes. */
  private static byte[] module(Map<String, Number> attributes) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    DataOutputStream out = new DataOutputStream(bytes);
    out.write(new byte[] {(byte) 0x80, 2}); // PROTO 2
    out.writeBytes("c__torch__\nProgram\n)\u0081}("); // GLOBAL, (), NEWOBJ, {}, MARK
    key(out, "training");
    out.writeByte(0x89); // False
    for (Map.Entry<String, Number> attribute : attributes.entrySet()) {
      key(out, attribute.getKey());
      if (attribute.getValue() instanceof Double value) {
        out.writeByte('G'); // BINFLOAT, big-endian
        out.writeDouble(value);
      } else {
        out.writeByte('J'); // BININT, little-endian
        out.writeInt(Integer.reverseBytes(Math.toIntExact(attribute.getValue().longValue())));
      }
    }
    out.writeBytes("ub."); // SETITEMS, BUILD, STOP
    return bytes.toByteArray();
  }

  private static void key(DataOutputStream out, String name) throws IOException {
    byte[] utf8 = name.getBytes(StandardCharsets.UTF_8);
    out.writeByte('X'); // BINUNICODE
    out.writeInt(Integer.reverseBytes(utf8.length));
    out.write(utf8);
  }

  private static void store(ZipOutputStream zip, String name, byte[] content) throws IOException {
    CRC32 crc = new CRC32();
    crc.update(content);
    ZipEntry entry = new ZipEntry(TOP + name);
    entry.setMethod(ZipEntry.STORED);
    entry.setSize(content.length);
    entry.setCrc(crc.getValue());
    entry.setTime(315_532_800_000L); // 1980, the first that a zip can name: same source, same bytes
    zip.putNextEntry(entry);
    zip.write(content);
    zip.closeEntry();
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }
}
