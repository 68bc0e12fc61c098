package dev.parley.model.checkpoint;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.SortedMap;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Writes fp32 tensors as safetensors, sorted by name: the same tensors give the same bytes, those
 * that Hugging Face writes. Tensors go from libtorch's memory to the file without a copy.
 */
final class SafetensorsWriter {
  private static final int ALIGNMENT = 8;
  private static final JsonMapper JSON = JsonMapper.shared();

  private SafetensorsWriter() {}

  /** Writes a whole file from the channel's position on. */
  static void write(FileChannel channel, SortedMap<String, NDArray> tensors) throws IOException {
    byte[] header = header(tensors);
    ByteBuffer start =
        ByteBuffer.allocate(Long.BYTES + header.length).order(ByteOrder.LITTLE_ENDIAN);
    writeAll(channel, start.putLong(header.length).put(header).flip());
    for (NDArray tensor : tensors.values()) {
      if (tensor.getDevice().isGpu()) {
        try (NDArray host = tensor.toDevice(Device.cpu(), true)) {
          writeAll(channel, host.toByteBuffer(true));
        }
      } else {
        writeAll(channel, tensor.toByteBuffer(true)); // every platform of libtorch: little-endian
      }
    }
  }

  private static byte[] header(SortedMap<String, NDArray> tensors) {
    ObjectNode root = JSON.createObjectNode();
    root.putObject("__metadata__").put("format", "pt");
    long offset = 0;
    for (Map.Entry<String, NDArray> tensor : tensors.entrySet()) {
      ObjectNode entry = root.putObject(tensor.getKey());
      entry.put("dtype", ElementType.F32.name());
      entry.putPOJO("shape", tensor.getValue().getShape().getShape());
      long end = offset + tensor.getValue().size() * Float.BYTES;
      entry.putArray("data_offsets").add(offset).add(end);
      offset = end;
    }
    byte[] json = JSON.writeValueAsString(root).getBytes(StandardCharsets.UTF_8);
    byte[] padded = Arrays.copyOf(json, (json.length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
    Arrays.fill(padded, json.length, padded.length, (byte) ' ');
    return padded;
  }

  private static void writeAll(FileChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }
}
