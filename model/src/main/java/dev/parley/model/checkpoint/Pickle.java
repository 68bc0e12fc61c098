package dev.parley.model.checkpoint;

import java.io.EOFException;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A pickle read without running anything. A pickle is a program for a small stack machine, and one
 * of its instructions calls any Python function; this machine knows only the instructions that data
 * needs, and asks a {@link World} about every name, which answers for a fixed few and refuses the
 * rest. Time and memory are bounded: instructions are counted, no announced length is believed
 * before the bytes are there, and nothing recurses.
 *
 * <p>Python's values become String, Long (BigInteger beyond), Double, Boolean, {@link Tuple}, List,
 * Map with String or Long keys, and {@link #NONE}.
 *
 * <p>Source: {@code Lib/pickletools.py} in CPython.
 */
final class Pickle {
  /** Python's None. */
  static final Object NONE = Void.class;

  private static final int MOST_INSTRUCTIONS = 1_000_000; // GPT-2's largest takes 20,000
  private static final long LONGEST_TEXT = 1 << 16;

  private final Path file;
  private final ByteSource in;
  private final World world;
  private final List<Object> stack = new ArrayList<>();
  private final List<Integer> marks = new ArrayList<>();
  private final Map<Long, Object> memo = new HashMap<>();

  /** A Python tuple. */
  record Tuple(List<Object> items) {}

  /** What a pickle may name and call: nothing but what is answered here. */
  interface World {
    /** The stand-in of a global name, or an exception that refuses it. */
    Object global(String module, String name);

    /** What calling a stand-in gives. */
    Object call(Object callable, List<Object> arguments);

    /** What a persistent id stands for. */
    Object persistent(Object id);
  }

  private Pickle(Path file, ByteSource in, World world) {
    this.file = file;
    this.in = in;
    this.world = world;
  }

  /**
   * Reads one pickle; the source stands behind it afterwards.
   *
   * @param file for messages
   */
  static Object read(Path file, ByteSource in, World world) throws IOException {
    Pickle pickle = new Pickle(file, in, world);
    try {
      return pickle.run();
    } catch (EOFException e) {
      throw new CheckpointException(
          "%s: the pickle is truncated: %s".formatted(file, e.getMessage()), e);
    }
  }

  private Object run() throws IOException {
    for (int count = 0; count < MOST_INSTRUCTIONS; count++) {
      int instruction = in.u8();
      if (instruction == '.') {
        return pop();
      }
      execute(instruction);
    }
    throw problem("the pickle has more than %d instructions", MOST_INSTRUCTIONS);
  }

  private void execute(int instruction) throws IOException {
    switch (instruction) {
      case 0x80 -> protocol(in.u8());
      case 0x95 -> in.i64(); // FRAME: a hint for buffers
      case 'N' -> push(NONE);
      case 0x88 -> push(true);
      case 0x89 -> push(false);
      case 'J' -> push((long) in.i32());
      case 'K' -> push((long) in.u8());
      case 'M' -> push((long) in.u16());
      case 0x8A -> push(integer(in.bytes(in.u8())));
      case 'G' -> push(Double.longBitsToDouble(Long.reverseBytes(in.i64())));
      case 'X' -> push(text(in.u32()));
      case 0x8C -> push(text(in.u8()));
      case '}' -> push(new LinkedHashMap<>());
      case ']' -> push(new ArrayList<>());
      case ')' -> push(new Tuple(List.of()));
      case '(' -> marks.add(stack.size());
      case 't' -> push(new Tuple(popMarked()));
      case 0x85 -> push(new Tuple(popLast(1)));
      case 0x86 -> push(new Tuple(popLast(2)));
      case 0x87 -> push(new Tuple(popLast(3)));
      case 'a' -> append(popLast(1));
      case 'e' -> append(popMarked());
      case 's' -> setItems(popLast(2));
      case 'u' -> setItems(popMarked());
      case 'q' -> memo.put((long) in.u8(), top());
      case 'r' -> memo.put(in.u32(), top());
      case 0x94 -> memo.put((long) memo.size(), top());
      case 'h' -> push(remembered(in.u8()));
      case 'j' -> push(remembered(in.u32()));
      case 'c' -> push(world.global(line(), line()));
      case 0x93 -> stackGlobal();
      case 'R' -> {
        List<Object> both = popLast(2);
        push(world.call(both.get(0), tuple(both.get(1)).items()));
      }
      case 'b' -> build();
      case 'Q' -> push(world.persistent(pop()));
      case 'i', 'o', 0x81, 0x92, 0x82, 0x83, 0x84 ->
          throw problem(
              "instruction 0x%02x at byte %d of the pickle would run code; refused",
              instruction, in.position() - 1);
      default ->
          throw problem(
              "byte %d holds 0x%02x, which is no instruction that a PyTorch checkpoint needs: is it"
                  + " one?",
              in.position() - 1, instruction);
    }
  }

  private void protocol(int version) {
    if (version > 5) {
      throw problem("the pickle has protocol %d; 2 to 5 are supported", version);
    }
  }

  private static Object integer(byte[] littleEndian) {
    byte[] bytes = new byte[littleEndian.length];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = littleEndian[bytes.length - 1 - i];
    }
    BigInteger number = bytes.length == 0 ? BigInteger.ZERO : new BigInteger(bytes);
    return number.bitLength() < Long.SIZE ? (Object) number.longValue() : number;
  }

  private String text(long length) throws IOException {
    if (length > LONGEST_TEXT) {
      throw problem(
          "a text of %d bytes at byte %d of the pickle; at most %d are allowed",
          length, in.position(), LONGEST_TEXT);
    }
    return new String(in.bytes(length), StandardCharsets.UTF_8);
  }

  private String line() throws IOException {
    StringBuilder line = new StringBuilder();
    for (int next = in.u8(); next != '\n'; next = in.u8()) {
      if (line.length() == 1000) {
        throw problem("a name of more than 1000 characters in the pickle");
      }
      line.append((char) next);
    }
    return line.toString();
  }

  private void stackGlobal() {
    List<Object> names = popLast(2);
    if (!(names.get(0) instanceof String module) || !(names.get(1) instanceof String name)) {
      throw problem("the pickle names a global by something that is no text");
    }
    push(world.global(module, name));
  }

  /** An object's state: only the attributes of a dict occur, and they do not matter to us. */
  private void build() {
    pop();
    if (!(top() instanceof Map)) {
      throw problem("the pickle sets the state of something that is no dict; refused");
    }
  }

  @SuppressWarnings("unchecked") // lists come from ']' only
  private void append(List<Object> items) {
    if (!(top() instanceof List<?> list)) {
      throw problem("the pickle appends to something that is no list");
    }
    ((List<Object>) list).addAll(items);
  }

  @SuppressWarnings("unchecked") // maps come from '}' and the world only
  private void setItems(List<Object> items) {
    if (!(top() instanceof Map<?, ?> map) || items.size() % 2 != 0) {
      throw problem("the pickle sets items of something that is no dict, or half an item");
    }
    for (int i = 0; i < items.size(); i += 2) {
      Object key = items.get(i);
      if (!(key instanceof String) && !(key instanceof Long)) { // others may hash without end
        throw problem("the pickle has a dict whose key is neither text nor number");
      }
      if (((Map<Object, Object>) map).put(key, items.get(i + 1)) != null) {
        throw problem("the pickle has the key '%s' twice", key);
      }
    }
  }

  private Object remembered(long index) {
    Object value = memo.get(index);
    if (value == null) {
      throw problem("the pickle recalls value %d, which it has not stored", index);
    }
    return value;
  }

  private Tuple tuple(Object value) {
    if (value instanceof Tuple tuple) {
      return tuple;
    }
    throw problem("the pickle calls with arguments that are no tuple");
  }

  private void push(Object value) {
    stack.add(value);
  }

  private Object pop() {
    Object top = top();
    stack.remove(stack.size() - 1);
    return top;
  }

  private Object top() {
    if (stack.size() <= floor()) {
      throw problem("the pickle takes more from its stack than it has put there");
    }
    return stack.get(stack.size() - 1);
  }

  private int floor() {
    return marks.isEmpty() ? 0 : marks.get(marks.size() - 1);
  }

  private List<Object> popMarked() {
    if (marks.isEmpty()) {
      throw problem("the pickle closes a group that it has not opened");
    }
    return take(marks.remove(marks.size() - 1));
  }

  private List<Object> popLast(int count) {
    if (stack.size() - count < floor()) {
      throw problem("the pickle takes more from its stack than it has put there");
    }
    return take(stack.size() - count);
  }

  private List<Object> take(int from) {
    List<Object> tail = stack.subList(from, stack.size());
    List<Object> taken = List.copyOf(tail);
    tail.clear();
    return taken;
  }

  private CheckpointException problem(String text, Object... arguments) {
    return CheckpointException.in(file, text, arguments);
  }
}
