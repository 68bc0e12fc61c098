package dev.parley.model.checkpoint;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;

/** Named fp32 tensors in one safetensors file: what is no model, such as an optimiser's moments. */
public final class TensorFile {
  private TensorFile() {}

  /**
   * Writes a new file, on the disk when this returns. Straight from libtorch's memory.
   *
   * @throws CheckpointException if the file exists or the file system refuses; what was written of
   *     it stays
   */
  public static void write(Path file, SortedMap<String, NDArray> tensors) {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      SafetensorsWriter.write(channel, tensors);
      channel.force(true);
    } catch (IOException e) {
      throw CheckpointException.io("write", file, e);
    }
  }

  /**
   * Reads tensors by name, in the order of the names.
   *
   * @param owner of the arrays; names the device
   * @throws CheckpointException if the file is damaged, or lacks one of them
   */
  public static NDList read(Path file, List<String> names, NDManager owner) {
    Map<String, StoredTensor> stored = Safetensors.read(file);
    NDList arrays = new NDList();
    try (TensorReader reader = new TensorReader()) {
      for (String name : names) {
        StoredTensor tensor = stored.get(name);
        if (tensor == null) {
          throw CheckpointException.in(file, "has no tensor %s", name);
        }
        arrays.add(reader.read(tensor, owner));
      }
    }
    return arrays;
  }
}
