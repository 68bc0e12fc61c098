package dev.parley.model.checkpoint;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads stored tensors, one at a time, straight into libtorch's memory: the only copy in between is
 * a chunk of 4 MiB, whatever the file's size.
 *
 * <p>Files are read by position and not mapped on purpose. A mapping lives until the garbage
 * collector finds it: resident memory would stay at twice the weights, and Windows would not let
 * anyone delete the file meanwhile.
 */
final class TensorReader implements AutoCloseable {
  private static final int CHUNK_BYTES = 4 << 20;

  private final Map<Path, FileChannel> channels = new HashMap<>();
  private final ByteBuffer chunk =
      ByteBuffer.allocateDirect(CHUNK_BYTES).order(ByteOrder.LITTLE_ENDIAN);

  /** A tensor's numbers as fp32 on the owner's device. */
  NDArray read(StoredTensor tensor, NDManager owner) {
    Shape shape = new Shape(tensor.shape().stream().mapToLong(Long::longValue).toArray());
    if (tensor.elementCount() > tensor.span()) { // a small file must not ask for endless memory
      throw CheckpointException.in(
          tensor.file(),
          "tensor %s %s shows %d numbers that are only %d in the file: save a copy, x.clone()",
          tensor.name(),
          tensor.shape(),
          tensor.elementCount(),
          tensor.span());
    }
    requireFits(tensor, tensor.elementCount() * Float.BYTES);
    if (owner.getDevice().isGpu()) {
      try (NDManager host = owner.newSubManager(Device.cpu())) {
        NDArray onDevice = read(tensor, host).toDevice(owner.getDevice(), true);
        onDevice.attach(owner);
        return onDevice;
      }
    }
    NDArray array = owner.create(shape, DataType.FLOAT32);
    decode(tensor, floats(array));
    return array;
  }

  /** Whether two tensors of the same shape hold the same numbers, as fp32. */
  boolean sameNumbers(StoredTensor one, StoredTensor other) {
    if (!one.isContiguous() || !other.isContiguous()) {
      try (NDManager host = NDManager.newBaseManager(Device.cpu(), "PyTorch")) {
        return floats(read(one, host)).equals(floats(read(other, host)));
      }
    }
    int step = CHUNK_BYTES / Double.BYTES; // numbers that fit into the chunk, whatever their type
    FloatBuffer first = FloatBuffer.allocate(step);
    FloatBuffer second = FloatBuffer.allocate(step);
    for (long done = 0; done < one.elementCount(); done += step) {
      int part = (int) Math.min(step, one.elementCount() - done);
      decode(one, done, part, first.clear());
      decode(other, done, part, second.clear());
      if (!first.flip().equals(second.flip())) {
        return false;
      }
    }
    return true;
  }

  /** The memory of a tensor on the CPU: libtorch's own, not a copy. */
  static FloatBuffer floats(NDArray array) {
    return array.toByteBuffer(true).order(ByteOrder.nativeOrder()).asFloatBuffer();
  }

  private void decode(StoredTensor tensor, FloatBuffer target) {
    if (tensor.isContiguous()) {
      long count = tensor.elementCount();
      int step = CHUNK_BYTES / tensor.type().size();
      for (long done = 0; done < count; done += step) {
        decode(tensor, done, (int) Math.min(step, count - done), target);
      }
      return;
    }
    long bytes = tensor.span() * tensor.type().size();
    requireFits(tensor, bytes);
    ByteBuffer all = ByteBuffer.allocateDirect((int) bytes).order(ByteOrder.LITTLE_ENDIAN);
    fill(all, tensor, tensor.position());
    gather(tensor, all, 0, 0, target);
  }

  /** Decodes a part of a contiguous tensor that fits into the chunk. */
  private void decode(StoredTensor tensor, long done, int part, FloatBuffer target) {
    int size = tensor.type().size();
    chunk.clear().limit(part * size);
    fill(chunk, tensor, tensor.position() + done * size);
    tensor.type().decode(chunk.flip(), target);
  }

  /** Puts a view's numbers in order, the last dimension fastest. */
  private static void gather(
      StoredTensor tensor, ByteBuffer all, int dimension, long start, FloatBuffer target) {
    int size = tensor.type().size();
    if (dimension == tensor.shape().size()) {
      int at = (int) (start * size);
      tensor.type().decode(all.slice(at, size).order(ByteOrder.LITTLE_ENDIAN), target);
      return;
    }
    long stride = tensor.strides().get(dimension);
    for (long i = 0; i < tensor.shape().get(dimension); i++) {
      gather(tensor, all, dimension + 1, start + i * stride, target);
    }
  }

  private void fill(ByteBuffer bytes, StoredTensor tensor, long position) {
    try {
      FileChannel channel = channels.get(tensor.file());
      if (channel == null) {
        channel = FileChannel.open(tensor.file(), StandardOpenOption.READ);
        channels.put(tensor.file(), channel);
      }
      for (long at = position; bytes.hasRemaining(); ) {
        int count = channel.read(bytes, at);
        if (count < 0) {
          throw CheckpointException.in(
              tensor.file(),
              "tensor %s lies beyond the end, byte %d: the file has shrunk while it was read",
              tensor.name(),
              at);
        }
        at += count;
      }
    } catch (IOException e) {
      throw CheckpointException.io("read", tensor.file(), e);
    }
  }

  private static void requireFits(StoredTensor tensor, long bytes) {
    if (bytes > Integer.MAX_VALUE) {
      throw CheckpointException.in(
          tensor.file(),
          "tensor %s %s takes %d bytes; one tensor may take at most %d",
          tensor.name(),
          tensor.shape(),
          bytes,
          Integer.MAX_VALUE);
    }
  }

  @Override
  public void close() {
    for (Map.Entry<Path, FileChannel> entry : List.copyOf(channels.entrySet())) {
      try {
        entry.getValue().close();
      } catch (IOException e) {
        throw CheckpointException.io("close", entry.getKey(), e);
      }
    }
  }
}
