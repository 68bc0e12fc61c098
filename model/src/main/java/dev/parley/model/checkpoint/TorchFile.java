package dev.parley.model.checkpoint;

import java.io.IOException;
import java.math.BigInteger;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A state dict that {@code torch.save} wrote, in the format before PyTorch 1.6 (pickles, then
 * storages) or the one since (a zip with {@code data.pkl} and a stored entry for each storage).
 * Nothing in it is executed; see {@link Pickle}.
 *
 * <p>Source: {@code torch/serialization.py} in PyTorch 2.7.
 */
final class TorchFile {
  private static final BigInteger MAGIC = new BigInteger("1950a86a20f9469cfc6c", 16);
  private static final long PROTOCOL = 1001;
  private static final long ZIP_ENTRY = 0x04034B50;
  private static final int PICKLE = 0x80;
  private static final long LONGEST_PICKLE = 64 << 20;

  private final Path file;
  private final FileChannel channel;
  private final TorchWorld world;
  private final Map<String, Long> positions = new HashMap<>(); // of storages, by key

  private TorchFile(Path file, FileChannel channel) {
    this.file = file;
    this.channel = channel;
    this.world = new TorchWorld(file);
  }

  /**
   * The tensors of a file by name.
   *
   * @throws CheckpointException if it is not what {@code torch.save(model.state_dict())} writes
   */
  static Map<String, StoredTensor> read(Path file) {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      GitLfs.refusePointer(file, channel);
      return new TorchFile(file, channel).read();
    } catch (IOException e) {
      throw CheckpointException.io("read", file, e);
    }
  }

  private Map<String, StoredTensor> read() throws IOException {
    if (channel.size() < 4) {
      throw problem("has %d bytes: no PyTorch checkpoint", channel.size());
    }
    long start = source(0, 4).u32();
    if (start != ZIP_ENTRY && (start & 0xFF) != PICKLE) {
      throw problem("is no PyTorch checkpoint: it begins with neither a zip nor a pickle");
    }
    return tensors(start == ZIP_ENTRY ? zip() : legacy());
  }

  // ---- since PyTorch 1.6 ---------------------------------------------------------------------

  private Object zip() throws IOException {
    StoredZip zip = StoredZip.read(file, channel);
    String top = zip.topFolder("data.pkl");
    StoredZip.Entry pickle = zip.entry(top + "data.pkl");
    if (zip.contains(top + "byteorder")) {
      StoredZip.Entry entry = zip.entry(top + "byteorder");
      ByteSource source = source(entry.position(), entry.position() + Math.min(10, entry.size()));
      String order = new String(source.readAllBytes(), StandardCharsets.ISO_8859_1);
      if (!order.equals("little")) {
        throw problem("has the byte order '%s'; only little is supported", order);
      }
    }
    Object value =
        Pickle.read(file, source(pickle.position(), pickle.position() + pickle.size()), world);
    for (TorchWorld.Storage storage : world.storages().values()) {
      StoredZip.Entry entry = zip.entry(top + "data/" + storage.key());
      requireSize(storage, entry.size());
      positions.put(storage.key(), entry.position());
    }
    return value;
  }

  // ---- before ----------------------------------------------------------------------------------

  private Object legacy() throws IOException {
    ByteSource source = source(0, channel.size());
    if (!MAGIC.equals(Pickle.read(file, source, world))) {
      throw problem("is no PyTorch checkpoint: its first pickle is not PyTorch's number");
    }
    Object protocol = Pickle.read(file, source, world);
    if (!protocol.equals(PROTOCOL)) {
      throw problem("has PyTorch's protocol %s; %d is supported", protocol, PROTOCOL);
    }
    if (!(Pickle.read(file, source, world) instanceof Map<?, ?> system)
        || !Boolean.TRUE.equals(system.get("little_endian"))) {
      throw problem("was not written by a little-endian machine; only those are supported");
    }
    Object value = Pickle.read(file, source, world);
    if (!(Pickle.read(file, source, world) instanceof List<?> keys)) {
      throw problem("has no list of storages");
    }
    locate(keys, source.position());
    return value;
  }

  /** Storages follow one another: the count of their numbers, then the numbers. */
  private void locate(List<?> keys, long start) throws IOException {
    long position = start;
    for (Object key : keys) {
      TorchWorld.Storage storage = key instanceof String ? world.storages().get(key) : null;
      if (storage == null) {
        throw problem("lists the storage %s, which no tensor names", key);
      }
      long count = source(position, channel.size()).i64();
      if (count != storage.count()) {
        throw problem(
            "storage %s has %d numbers, but its tensors expect %d",
            storage.key(), count, storage.count());
      }
      position += Long.BYTES;
      if (storage.sizeBytes() > channel.size() - position) {
        throw problem(
            "storage %s takes %d bytes from byte %d on, but the file ends at %d: truncated",
            storage.key(), storage.sizeBytes(), position, channel.size());
      }
      positions.put(storage.key(), position);
      position += storage.sizeBytes();
    }
  }

  // ---- both ------------------------------------------------------------------------------------

  private Map<String, StoredTensor> tensors(Object value) {
    if (!(value instanceof Map<?, ?> entries)) {
      throw problem("holds no dict of tensors: save model.state_dict()");
    }
    Map<String, StoredTensor> tensors = new LinkedHashMap<>();
    for (Map.Entry<?, ?> entry : entries.entrySet()) {
      if (!(entry.getValue() instanceof TorchWorld.View view)) {
        throw problem("entry '%s' is no tensor: save model.state_dict() alone", entry.getKey());
      }
      Long position = positions.get(view.storage().key());
      if (position == null) {
        throw problem("storage %s of %s is missing", view.storage().key(), entry.getKey());
      }
      String name = String.valueOf(entry.getKey());
      ElementType type = view.storage().type();
      long first = position + view.offset() * type.size();
      tensors.put(name, new StoredTensor(name, file, type, first, view.shape(), view.strides()));
    }
    return tensors;
  }

  private void requireSize(TorchWorld.Storage storage, long bytes) {
    if (bytes != storage.sizeBytes()) {
      throw problem(
          "storage %s has %d bytes, but its tensors expect %d",
          storage.key(), bytes, storage.sizeBytes());
    }
  }

  private ByteSource source(long position, long end) {
    return new ByteSource(channel, position, Math.min(end, position + LONGEST_PICKLE));
  }

  private CheckpointException problem(String text, Object... arguments) {
    return CheckpointException.in(file, text, arguments);
  }
}
