package dev.parley.model.checkpoint;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;

/** The type of a stored tensor's numbers. The constants' names are those of safetensors. */
enum ElementType {
  F64(8),
  F32(4),
  F16(2),
  BF16(2),
  I64(8),
  I32(4),
  I16(2),
  I8(1),
  U64(8),
  U32(4),
  U16(2),
  U8(1),
  F8_E5M2(1),
  F8_E4M3(1),
  BOOL(1);

  private static final float[] HALVES = halves();

  private final int size;

  ElementType(int size) {
    this.size = size;
  }

  /** Bytes of one number. */
  int size() {
    return size;
  }

  /** Whether {@link #decode} knows it: weights are read from these types only. */
  boolean isReadable() {
    return this == F64 || this == F32 || this == F16 || this == BF16;
  }

  /**
   * Converts numbers to fp32: exact but for F64, which is rounded to the nearest.
   *
   * @param from little-endian, a whole count of numbers remaining
   * @param to has room for them
   */
  void decode(ByteBuffer from, FloatBuffer to) {
    switch (this) {
      case F32 -> to.put(from.asFloatBuffer());
      case F64 -> {
        while (from.hasRemaining()) {
          to.put((float) from.getDouble());
        }
      }
      case F16 -> {
        while (from.hasRemaining()) {
          to.put(HALVES[from.getShort() & 0xFFFF]);
        }
      }
      case BF16 -> {
        while (from.hasRemaining()) {
          to.put(Float.intBitsToFloat(from.getShort() << 16));
        }
      }
      case I64, I32, I16, I8, U64, U32, U16, U8, F8_E5M2, F8_E4M3, BOOL ->
          throw new IllegalArgumentException(this + " is not a type of weights");
    }
  }

  /** Every IEEE 754 half as a float, by its bits. Float.float16ToFloat is newer than Java 17. */
  private static float[] halves() {
    float[] halves = new float[1 << 16];
    for (int bits = 0; bits < halves.length; bits++) {
      int sign = (bits & 0x8000) << 16;
      int exponent = bits >> 10 & 0x1F;
      int fraction = bits & 0x3FF;
      if (exponent == 0) { // zero or subnormal: fraction * 2^-24
        halves[bits] = Math.scalb((float) fraction, -24) * (sign == 0 ? 1 : -1);
      } else {
        int wide = exponent == 0x1F ? 0xFF : exponent - 15 + 127; // infinity and NaN keep all ones
        halves[bits] = Float.intBitsToFloat(sign | wide << 23 | fraction << 13);
      }
    }
    return halves;
  }
}
