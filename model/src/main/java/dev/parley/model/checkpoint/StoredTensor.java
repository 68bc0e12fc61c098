package dev.parley.model.checkpoint;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Where a tensor lies in a file. Whoever makes one has checked that all of it lies inside.
 *
 * @param name as the file has it
 * @param position of its first number, in bytes from the file's start
 * @param strides the distance between neighbours in each dimension, in numbers
 */
record StoredTensor(
    String name, Path file, ElementType type, long position, List<Long> shape, List<Long> strides) {

  /** A tensor whose numbers lie one after the other. */
  static StoredTensor contiguous(
      String name, Path file, ElementType type, long position, List<Long> shape) {
    return new StoredTensor(name, file, type, position, shape, contiguousStrides(shape));
  }

  /** How many numbers it is. */
  long elementCount() {
    return elementCount(shape);
  }

  /** Whether its numbers lie one after the other. */
  boolean isContiguous() {
    List<Long> expected = contiguousStrides(shape);
    for (int i = 0; i < shape.size(); i++) {
      if (shape.get(i) != 1 && !strides.get(i).equals(expected.get(i))) {
        return false;
      }
    }
    return true;
  }

  /** How many numbers its view spans in the file, gaps included. */
  long span() {
    return span(shape, strides);
  }

  /**
   * The numbers of a shape.
   *
   * @throws ArithmeticException if they are more than a long counts
   */
  static long elementCount(List<Long> shape) {
    return shape.contains(0L) ? 0 : shape.stream().reduce(1L, Math::multiplyExact);
  }

  /**
   * From the first to the last number of a view, both included.
   *
   * @throws ArithmeticException if it is more than a long counts
   */
  static long span(List<Long> shape, List<Long> strides) {
    if (shape.contains(0L)) {
      return 0;
    }
    long last = 0;
    for (int i = 0; i < shape.size(); i++) {
      last = Math.addExact(last, Math.multiplyExact(shape.get(i) - 1, strides.get(i)));
    }
    return Math.addExact(last, 1);
  }

  private static List<Long> contiguousStrides(List<Long> shape) {
    List<Long> strides = new ArrayList<>(shape);
    long stride = 1;
    for (int i = shape.size() - 1; i >= 0; i--) {
      strides.set(i, stride);
      stride *= Math.max(1, shape.get(i));
    }
    return strides;
  }
}
