package dev.parley.model.checkpoint;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What the pickle of a PyTorch state dict may name: tensors, storages and ordered dicts. */
final class TorchWorld implements Pickle.World {
  private static final int MOST_DIMENSIONS = 8;
  private static final Map<String, ElementType> STORAGES =
      Map.ofEntries(
          Map.entry("DoubleStorage", ElementType.F64),
          Map.entry("FloatStorage", ElementType.F32),
          Map.entry("HalfStorage", ElementType.F16),
          Map.entry("BFloat16Storage", ElementType.BF16),
          Map.entry("LongStorage", ElementType.I64),
          Map.entry("IntStorage", ElementType.I32),
          Map.entry("ShortStorage", ElementType.I16),
          Map.entry("CharStorage", ElementType.I8),
          Map.entry("ByteStorage", ElementType.U8),
          Map.entry("BoolStorage", ElementType.BOOL));

  private final Path file;
  private final Map<String, Storage> storages = new HashMap<>();

  private enum Function {
    ORDERED_DICT,
    REBUILD_TENSOR,
    REBUILD_PARAMETER
  }

  /**
   * A block of numbers that tensors look at.
   *
   * @param count numbers in it
   */
  record Storage(String key, ElementType type, long count) {
    long sizeBytes() {
      return count * type.size();
    }
  }

  /** A storage, or the part of one that starts at {@code offset}. */
  private record StorageView(Storage storage, long offset, long count) {}

  /**
   * A tensor as the pickle describes it.
   *
   * @param offset of its first number in the storage, in numbers
   */
  record View(Storage storage, long offset, List<Long> shape, List<Long> strides) {}

  TorchWorld(Path file) {
    this.file = file;
  }

  /** Every storage that was named, by key. */
  Map<String, Storage> storages() {
    return storages;
  }

  @Override
  public Object global(String module, String name) {
    if (module.equals("torch") && STORAGES.containsKey(name)) {
      return STORAGES.get(name);
    }
    return switch (module + "." + name) {
      case "collections.OrderedDict" -> Function.ORDERED_DICT;
      case "torch._utils._rebuild_tensor_v2" -> Function.REBUILD_TENSOR;
      case "torch._utils._rebuild_parameter" -> Function.REBUILD_PARAMETER;
      default ->
          throw problem(
              "the pickle names %s.%s, which would run code; refused. Only tensors are read: save"
                  + " model.state_dict(), or convert it to safetensors where you trust it",
              module, name);
    };
  }

  @Override
  public Object call(Object callable, List<Object> arguments) {
    if (!(callable instanceof Function function)) {
      throw problem("the pickle calls something that is no function; refused");
    }
    switch (function) {
      case ORDERED_DICT -> {
        if (!arguments.isEmpty()) {
          throw problem("the pickle makes an OrderedDict from arguments; expected none");
        }
        return new LinkedHashMap<>();
      }
      case REBUILD_TENSOR -> {
        return tensor(arguments);
      }
      case REBUILD_PARAMETER -> {
        if (!arguments.isEmpty() && arguments.get(0) instanceof View view) {
          return view;
        }
        throw problem("the pickle makes a parameter from something that is no tensor");
      }
    }
    throw new AssertionError(function);
  }

  /**
   * Arguments: storage, offset, shape, strides; whether gradients are wanted, and hooks: unused.
   */
  private View tensor(List<Object> arguments) {
    if (arguments.size() < 4
        || !(arguments.get(0) instanceof StorageView part)
        || !(arguments.get(1) instanceof Long offset)
        || !(arguments.get(2) instanceof Pickle.Tuple shapeTuple)
        || !(arguments.get(3) instanceof Pickle.Tuple strideTuple)) {
      throw problem("the pickle makes a tensor from arguments that describe none");
    }
    List<Long> shape = numbers(shapeTuple);
    List<Long> strides = numbers(strideTuple);
    if (shape.size() != strides.size()) {
      throw problem("a tensor has the shape %s, but the strides %s", shape, strides);
    }
    try {
      long span = StoredTensor.span(shape, strides);
      StoredTensor.elementCount(shape); // a long counts them
      if (offset < 0 || Math.addExact(offset, span) > part.count()) {
        throw problem(
            "a tensor of shape %s, strides %s and offset %d does not fit its storage of %d numbers",
            shape, strides, offset, part.count());
      }
    } catch (ArithmeticException e) {
      throw new CheckpointException(
          "%s: a tensor has the impossible shape %s, strides %s".formatted(file, shape, strides),
          e);
    }
    return new View(part.storage(), part.offset() + offset, shape, strides);
  }

  /** A storage: ("storage", type, key, device, count) and, in the legacy format, a view or None. */
  @Override
  public Object persistent(Object id) {
    if (!(id instanceof Pickle.Tuple tuple)
        || tuple.items().size() < 5
        || !"storage".equals(tuple.items().get(0))
        || !(tuple.items().get(1) instanceof ElementType type)
        || !(tuple.items().get(2) instanceof String key)
        || !(tuple.items().get(4) instanceof Long count)) {
      throw problem("the pickle refers to something that is no storage");
    }
    if (count < 0 || count > Long.MAX_VALUE / type.size()) {
      throw problem("storage %s has %d numbers", key, count);
    }
    Storage storage = new Storage(key, type, count);
    Storage known = storages.putIfAbsent(key, storage);
    if (known != null && !known.equals(storage)) {
      throw problem(
          "storage %s is %d numbers of type %s, and elsewhere %d of type %s",
          key, known.count(), known.type(), count, type);
    }
    if (tuple.items().size() == 5 || tuple.items().get(5) == Pickle.NONE) {
      return new StorageView(storage, 0, count);
    }
    if (tuple.items().get(5) instanceof Pickle.Tuple view
        && view.items().size() == 3
        && view.items().get(1) instanceof Long offset
        && view.items().get(2) instanceof Long length
        && offset >= 0
        && length >= 0
        && offset <= count - length) {
      return new StorageView(storage, offset, length);
    }
    throw problem("storage %s has a view that does not fit it", key);
  }

  private List<Long> numbers(Pickle.Tuple tuple) {
    if (tuple.items().size() > MOST_DIMENSIONS) {
      throw problem("a tensor has more than %d dimensions", MOST_DIMENSIONS);
    }
    List<Long> numbers = new ArrayList<>();
    for (Object item : tuple.items()) {
      if (!(item instanceof Long number) || number < 0) {
        throw problem("a tensor's shape or strides hold something that is no number from 0 on");
      }
      numbers.add(number);
    }
    return List.copyOf(numbers);
  }

  private CheckpointException problem(String text, Object... arguments) {
    return CheckpointException.in(file, text, arguments);
  }
}
