package dev.parley.server.bench;

import ai.djl.Device;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Precision;

/**
 * What a step cannot do without: bytes that must be read from memory and operations that must be
 * computed, by its three parts, which follow each other. Embeddings, LayerNorm, GELU and sampling
 * are left out: less than a hundredth of either.
 *
 * @param type of the weights' arithmetic: {@code fp32}, {@code bf16}, {@code fp16}, {@code int16}
 *     or {@code int8}
 * @param attentionType of attention's arithmetic
 * @param projections of all layers
 * @param attention over the keys and values of every row
 * @param head the logits
 */
public record StepCost(
    String type, String attentionType, Part projections, Part attention, Part head) {
  /** Bytes read and operations, multiplications and additions both counted. */
  public record Part(double bytes, double operations) {
    /** The shortest time on a machine that reads while it computes, in milliseconds. */
    double bound(double bytesPerSecond, double operationsPerSecond) {
      return 1e3 * Math.max(bytes / bytesPerSecond, operations / operationsPerSecond);
    }
  }

  /**
   * A step whose rows all read as much.
   *
   * @param device on a CPU, attention's arithmetic is fp32 or, with keys and values in it, int16
   * @param rows conversations
   * @param tokens that each of them reads
   * @param context tokens that the last of them looks back on, itself included
   */
  public static StepCost of(
      Gpt2Config config, Precision precision, Device device, int rows, int tokens, double context) {
    double size = config.embeddingSize();
    double weights = 12.0 * config.layerCount() * size * size;
    double head = config.vocabularySize() * size;
    double all = (double) rows * tokens;
    double seen = context - (tokens - 1) / 2.0; // on average: a token does not see those after it
    double bytes = bytes(precision);
    return new StepCost(
        type(precision),
        attentionType(precision, device),
        new Part(weights * bytes, 2 * weights * all),
        new Part(
            rows * context * precision.cacheBytesPerToken(config, device),
            4.0 * config.layerCount() * size * seen * all),
        new Part(head * bytes, 2 * head * rows));
  }

  /** Bytes of all parts. */
  public double bytes() {
    return projections.bytes() + attention.bytes() + head.bytes();
  }

  /** Operations of all parts. */
  public double operations() {
    return projections.operations() + attention.operations() + head.operations();
  }

  /**
   * The shortest time of such a step on a machine, in milliseconds; 0 where the machine's
   * arithmetic in this type was not measured.
   */
  public double bound(Machine machine) {
    double memory = machine.bytesPerSecond();
    double arithmetic = machine.operations(type);
    if (arithmetic == 0) {
      return 0;
    }
    return projections.bound(memory, arithmetic)
        + attention.bound(memory, machine.operations(attentionType))
        + head.bound(memory, arithmetic);
  }

  private static String attentionType(Precision precision, Device device) {
    if (device.isGpu()) {
      return type(precision);
    }
    return precision.attendsInInt16(device) ? "int16" : "fp32";
  }

  private static String type(Precision precision) {
    return switch (precision) {
      case REFERENCE, FP32 -> "fp32";
      case BF16 -> "bf16";
      case FP16 -> "fp16";
      case INT12 -> "int16";
      case INT8, INT4 -> "int8"; // of int4 at most half with AMX, which it does not use
    };
  }

  /** Of a weight. */
  static double bytes(Precision precision) {
    return switch (precision) {
      case REFERENCE, FP32 -> 4;
      case BF16, FP16 -> 2;
      case INT12 -> 1.5;
      case INT8 -> 1;
      case INT4 -> 0.5 + 2.0 / 64; // 64 have a scale of 16 bits
    };
  }
}
